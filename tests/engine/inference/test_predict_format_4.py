"""A model folder that an earlier version left answers as it did then: `tests/fixtures/format_4/model`."""

import json
from pathlib import Path

import pytest

from mmdx.cli import main

FIXTURE = Path(__file__).parents[2] / "fixtures" / "format_4"


@pytest.mark.parametrize(
    ("report", "shown", "score"),
    [
        ("history of a fall and 5 pills", "image+report", 0.37179842591285706),
        (None, "image", 0.36491093039512634),
    ],
)
def test_a_model_of_an_earlier_version_gives_the_scores_that_it_gave(tmp_path, report, shown, score):
    words = []
    if report is not None:
        path = tmp_path / "report.txt"
        path.write_text(report)
        words = ["--report", str(path)]
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as exit_of:
        main(["predict", str(FIXTURE / "model"), str(FIXTURE / "study"), "--out", str(out), *words])
    assert exit_of.value.code == 0
    (answer,) = json.loads((out / "predictions.json").read_text())
    assert answer["shown"] == shown
    assert answer["findings"]["bleed"] == pytest.approx(score, abs=1e-7)
