import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.cohort.cohort import Arm
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.corrections import with_corrections, with_delong
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import Difference

ESTIMATE = Estimate(0.1, 0.0, 0.2, 200)


def difference(p: float | None) -> Difference:
    return Difference(ESTIMATE, p)


def test_p_values_are_corrected_within_a_metric_and_apart_for_means_findings_and_baselines():
    kinds = {"a": "model", "b": "model", "c": "model", "constant": "baseline"}
    arms = [Arm(name, name, name, f"{name}.csv", kind) for name, kind in kinds.items()]
    differences = {
        ("b", "auroc", None): difference(0.01),
        ("c", "auroc", None): difference(0.04),
        ("b", "auroc", "bleed"): difference(0.03),
        ("c", "auroc", "bleed"): difference(None),
        ("b", "ap", None): difference(0.5),
        ("constant", "auroc", None): difference(0.2),
    }
    corrected = {key: value.corrected for key, value in with_corrections(differences, arms).items()}
    assert corrected.pop(("b", "auroc", None)) == pytest.approx(0.02)
    assert corrected.pop(("c", "auroc", None)) == pytest.approx(0.04)
    assert set(corrected.values()) == {None}


def test_delong_stands_beside_the_aurocs_of_findings_alone():
    labels = halves(40)
    labels[:4, 0] = np.nan
    scores = [noisy(labels, 2.0), noisy(labels, 4.0, seed=1)]
    cohort = cohort_of(labels, {"fused": scores[0], "image": scores[1]})
    keys = [("image", metric, finding) for metric in ("auroc", "ap") for finding in ("bleed", "fracture", None)]
    differences = dict.fromkeys(keys, difference(0.5)) | {("image", "auroc", "fracture"): difference(None)}
    delong = {key: value.delong for key, value in with_delong(differences, cohort).items()}
    test = delong_test(labels[4:, 0], scores[0][4:, 0], scores[1][4:, 0], np.arange(36))
    assert delong.pop(("image", "auroc", "bleed")) == test.p
    assert set(delong.values()) == {None}
