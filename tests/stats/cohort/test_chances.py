"""What a record of an ablation says of the tries of its variants."""

import pytest

from mmdx.errors import DataError
from mmdx.stats.cohort.chances import Chances, read_chances

TUNING = {
    "tries": 2,
    "settings": [{"lr_factor": 1.0, "weight_decay": None}, {"lr_factor": 3.0, "weight_decay": 0.1}],
    "variants": {"fusion": {"by": "auroc", "scores": [0.8, None], "chosen": 1}},
}


def test_a_record_with_tries_and_one_without():
    assert read_chances({"config": "tiny", "tuning": None}, "here") == Chances("tiny")
    assert read_chances({"config": "tiny"}, "here") == Chances("tiny")
    chances = read_chances({"config": "tiny", "tuning": TUNING}, "here")
    assert chances.settings[1] == {"lr_factor": 3.0, "weight_decay": 0.1}
    assert chances.variants is not None
    assert chances.variants["fusion"].scores == (0.8, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": "many"},
        {"variants": {"fusion": {"by": "auroc", "scores": [0.8], "chosen": 1}}},
        {"variants": {"fusion": {"by": "auroc", "scores": [0.8, 0.7], "chosen": 3}}},
    ],
)
def test_one_that_is_broken_is_refused_in_a_line(changed):
    with pytest.raises(DataError, match="here: what it says of its tries cannot be read; run mmdx ablate again"):
        read_chances({"config": "tiny", "tuning": TUNING | changed}, "here")
