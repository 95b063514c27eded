import numpy as np
import pandas as pd
import pytest

from mmdx.stats.metrics.evaluate import carried_by_few, evaluate, judge, judging_findings, tempered_log_loss
from mmdx.stats.metrics.registry import METRICS

FRAME = pd.DataFrame(
    [
        *[("bleed", 1, 0.9), ("bleed", 0, 0.4), ("bleed", 0, 0.6), ("bleed", np.nan, 0.0)],
        *[("mass", 1, 0.5), ("mass", 1, 0.2), ("mass", 0, 0.3), ("cyst", 0, 0.1)],
    ],
    columns=["finding", "label", "score"],
)


def test_the_value_is_the_mean_over_findings_with_both_classes_and_known_labels():
    assert evaluate(FRAME) == pytest.approx((1 + 0.5) / 2)


def test_any_metric_of_the_registry_can_judge():
    errors = (0.01 + 0.16 + 0.36) / 3, (0.25 + 0.64 + 0.09) / 3, 0.01
    assert evaluate(FRAME, METRICS["brier"]) == pytest.approx(np.mean(errors))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [slice(0, 0), slice(7, 8)])
def test_without_a_finding_of_both_classes_there_is_no_value(rows):
    assert np.isnan(evaluate(FRAME.iloc[rows]))


def test_the_primary_finding_judges_alone():
    assert evaluate(FRAME, primary="mass") == pytest.approx(0.5)
    assert judging_findings(FRAME, primary="mass") == ["mass"]
    assert np.isnan(evaluate(FRAME, primary="cyst"))


def test_two_complements_count_once():
    """Edema 1, malignant and its mirror image benign 0.5 each: (1 + 0.5) / 2 and not (1 + 0.5 + 0.5) / 3."""
    edema = [("edema", 1, 0.9), ("edema", 0, 0.4), ("edema", 0, 0.1)]
    malignant = [("DX/malignant", 1, 0.4), ("DX/malignant", 0, 0.3), ("DX/malignant", 0, 0.6)]
    benign = [("DX/benign", 1 - label, 1 - score) for _, label, score in malignant]
    frame = pd.DataFrame(edema + benign + malignant, columns=["finding", "label", "score"])
    assert judging_findings(frame) == ["edema", "DX/malignant"]
    assert evaluate(frame) == pytest.approx((1 + 0.5) / 2)


def test_log_loss_is_taken_at_the_temperature_that_suits_it():
    sure = pd.DataFrame({"finding": "bleed", "label": [1.0, 0.0, 1.0, 0.0], "score": [0.999, 0.001, 0.001, 0.999]})
    assert tempered_log_loss(sure) == pytest.approx(np.log(2), abs=0.02), "half right, half wrong: a coin says as much"
    assert np.isnan(tempered_log_loss(FRAME.iloc[:0]))


@pytest.mark.parametrize(
    ("studies", "positive", "few"), [(60, 10, False), (60, 9, True), (49, 20, True), (60, 51, True)]
)
def test_few_studies_are_judged_by_log_loss(studies, positive, few):
    labels = [1.0] * positive + [0.0] * (studies - positive)
    frame = pd.DataFrame({"study_id": [f"s{n}" for n in range(studies)], "finding": "bleed", "label": labels})
    frame["score"] = frame["label"] * 0.5 + 0.25
    assert carried_by_few(frame, ["bleed"]) == few
    judgement = judge(frame)
    assert judgement.by == ("log_loss" if few else "auroc")
    assert judgement.auroc == 1.0
    assert judgement.score == (-judgement.log_loss if few else 1.0)
    assert judge(frame, by="auroc").by == "auroc"
