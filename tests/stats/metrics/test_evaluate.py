import numpy as np
import pandas as pd
import pytest

from mmdx.stats.metrics.evaluate import evaluate, judging_findings
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
