"""Which finding a comparison takes for the primary one."""

import json

import pytest

from mmdx.errors import UsageError
from mmdx.stats.cohort.cohort import read_cohort


@pytest.fixture
def runs(write_run):
    """Two runs, of which `names` gives the primary finding that their configs name; None for no config at all."""

    def write(*names):
        folders = [write_run(f"run{place}", {"ct": 1.0}, seed=place) for place in range(len(names))]
        for folder, name in zip(folders, names, strict=True):
            if name is not None:
                (folder / "config.yaml").write_text(f"data: {{store: s, primary: {name}}}\n")
        return folders

    return write


@pytest.mark.parametrize(
    ("names", "stated", "expected"),
    [
        ((None, None), None, None),
        ((None, None), "bleed", "bleed"),
        (("fracture", "fracture"), None, "fracture"),
        (("null", "fracture"), None, "fracture"),
        (("bleed", "fracture"), "bleed", "bleed"),
    ],
)
def test_what_was_stated_counts_before_what_the_configs_name(runs, names, stated, expected):
    assert read_cohort(runs(*names), primary=stated).primary_finding == expected


def test_runs_that_disagree_are_refused_in_one_line(runs):
    message = r"^data.primary: 'bleed' in run0, 'fracture' in run1; state one primary finding .* \(--primary\)$"
    with pytest.raises(UsageError, match=message):
        read_cohort(runs("bleed", "fracture"))


def test_a_finding_that_was_not_scored_is_refused(runs):
    message = r"^primary finding 'bled': not in the predictions; did you mean 'bleed'\? known: bleed, fracture$"
    with pytest.raises(UsageError, match=message):
        read_cohort(runs("bled"))


def test_predictions_outside_of_their_run_say_it_in_the_record_beside_them(runs):
    (run,) = runs(None)
    file = run / "predictions" / "test.csv"
    file.with_name("evaluation.json").write_text(json.dumps({"run": "elsewhere", "primary": "fracture"}))
    assert read_cohort([file]).primary_finding == "fracture"
