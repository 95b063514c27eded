"""Which finding a comparison takes for the primary one, and which operating point for the stated one."""

import json

import pytest

from mmdx.errors import DataError, UsageError
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.primary import parse_operating_point


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


def points_of(write_run, *stated):
    """Runs whose configs state these operating points."""
    folders = [write_run(f"run{place}", {"ct": 1.0}, seed=place) for place in range(len(stated))]
    for folder, point in zip(folders, stated, strict=True):
        (folder / "config.yaml").write_text(f"data: {{store: s, operating_point: {point}}}\n")
    return folders


def test_the_operating_point_of_the_configs_or_the_stated_one(write_run):
    runs = points_of(write_run, "null", "{sensitivity: 0.9, threshold: null}")
    assert read_cohort(runs).operating_point == OperatingPoint(sensitivity=0.9)
    stated = OperatingPoint(threshold=0.2)
    cohort = read_cohort(runs, operating_point=stated)
    assert cohort.operating_point == stated
    # Without validation rows there is no temperature, and the threshold is one of the scores as they are.
    assert (cohort.scored[0][0].acted_on == 0.2).all()


def test_operating_points_that_disagree_or_are_none_are_refused_in_one_line(write_run):
    runs = points_of(write_run, "{sensitivity: 0.9}", "{specificity: 0.9}", "{sensitivity: 2}")
    message = (
        r"^data.operating_point: sensitivity 0.9 in run0, specificity 0.9 in run1; state one for the comparison "
        r"\(--operating-point\)$"
    )
    with pytest.raises(UsageError, match=message):
        read_cohort(runs[:2])
    with pytest.raises(DataError, match=r"config.yaml: operating_point is {'sensitivity': 2}; give one like"):
        read_cohort(runs[2:])


def test_an_operating_point_outside_of_its_run_stands_in_the_record(write_run):
    file = write_run("run", {"ct": 1.0}) / "predictions" / "test.csv"
    file.with_name("evaluation.json").write_text(json.dumps({"operating_point": {"specificity": 0.8}}))
    assert read_cohort([file]).operating_point == OperatingPoint(specificity=0.8)


def test_operating_points_in_words():
    assert parse_operating_point("sensitivity=.95") == parse_operating_point({"sensitivity": 0.95})
    for wrong in ("sensitivity", "sensitivity=95", "recall=.9", "", {"sensitivity": 0.9, "specificity": 0.9}, {}):
        with pytest.raises(
            UsageError, match=r"^operating point .*: name one of sensitivity, specificity and threshold"
        ):
            parse_operating_point(wrong)
