import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.measured import Measured
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import METRICS

AUROC = list(METRICS).index("auroc")


def test_means_follow_the_findings(write_run):
    cohort = read_cohort([write_run("fused", {"ct": 2.0}, patients=30, findings=("bleed", "fracture", "rare"))])
    bleed, fracture, rare, micro, weighted, macro = Measured(cohort, [0, 2]).points()[0, AUROC]
    truth, scores = cohort.labels, cohort.scores[0]
    each = [roc_auc_score(truth[:, f], scores[:, f]) for f in range(3)]
    assert [bleed, fracture, rare] == pytest.approx(each)
    assert micro == pytest.approx(roc_auc_score(truth.ravel(), scores.ravel()))
    positives = truth.sum(axis=0)
    assert weighted == pytest.approx(np.average([each[0], each[2]], weights=positives[[0, 2]]))
    assert macro == pytest.approx((each[0] + each[2]) / 2)


def test_an_arm_of_several_trainings_has_their_mean_in_every_resample(write_run):
    runs = [write_run(f"seed-{seed}", {"ct": 3.0}, seed=seed) for seed in range(3)]
    together = Measured(read_cohort(runs, configs=["ct"] * 3), [0, 1])
    resampler = Resampler.of(read_cohort(runs[:1]), resamples=50, seed=1)
    alone = [Measured(read_cohort([run]), [0, 1]).resampled(resampler)[0] for run in runs]
    np.testing.assert_allclose(together.resampled(resampler)[0], np.mean(alone, axis=0))
    assert together.trainings(0).shape == (3, len(METRICS), 5)
    np.testing.assert_allclose(together.trainings(0).mean(axis=0), together.points()[0])


def test_without_an_included_finding_there_is_no_mean(write_run):
    cohort = read_cohort([write_run("fused", {"ct": 2.0}, constant={"bleed": 0, "fracture": 0})])
    points = Measured(cohort, []).points()[0, AUROC]
    assert np.isnan(points).all()
