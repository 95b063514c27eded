import json

import numpy as np
import pytest
from asking import ask
from scored import cohort_of, scores_for

from mmdx.stats.metrics.calibration import COOLEST, calibration_error, calibration_slope
from mmdx.stats.metrics.registry import brier, log_loss
from mmdx.stats.sections.reliability.measures import scaled_scores
from mmdx.stats.sections.reliability.section import reliability_section

LABELS = np.stack([np.arange(80) % 2, np.arange(80) % 4 == 0], axis=1).astype(float)
ONCE = np.ones((1, 80), dtype=np.int32)


def test_the_measures_are_those_of_the_metrics_before_and_after():
    scores = scores_for(LABELS, [2.0])
    cohort = cohort_of(LABELS, scores, temperature=2.0)
    section = ask(reliability_section, cohort, resamples=200, seed=0)
    assert section is not None
    mean, one, two = section.sheets
    assert [row[0] for row in one.rows] == ["arm0", "arm0, scaled"]
    assert [row[-1] for row in one.rows] == ["–", "2.000"]
    assert [sheet.title for sheet in (mean, two)] == ["Calibration: Mean over findings", "Calibration: f1"]
    records = {(each["finding"], each["scaled"]): each for each in section.record}
    for scaled, said in ((False, scores[0]), (True, scaled_scores(cohort)[0])):
        for name, metric in {
            "log_loss": log_loss,
            "brier": brier,
            "ece": calibration_error,
            "slope": calibration_slope,
        }.items():
            found = records["f0", scaled][name]
            assert found["value"] == pytest.approx(metric(LABELS[:, 0], said[:, 0], ONCE)[0], abs=1e-6)
            assert found["low"] <= found["value"] <= found["high"]
    # Log-odds that are halved have twice the slope.
    assert records["f0", True]["slope"]["value"] == pytest.approx(2 * records["f0", False]["slope"]["value"])
    json.dumps(section.record, allow_nan=False)


def test_without_validation_there_is_only_before_and_a_note():
    section = ask(reliability_section, cohort_of(LABELS, scores_for(LABELS, [2.0])), resamples=100, seed=0)
    assert section is not None
    assert [plot.name for plot in section.plots] == ["reliability"]
    assert section.sentences == ()
    assert [row[0] for row in section.sheets[0].rows] == ["arm0"]
    assert section.sheets[0].header[-1] == "Slope"
    assert "No temperature could be fitted for f0, f1" in section.notes[0]


def test_a_finding_without_temperature_is_named_and_the_other_scaled():
    cohort = cohort_of(LABELS, scores_for(LABELS, [2.0]), temperature=2.0)
    cohort.scored[0][0].temperatures[:, 1] = np.nan
    section = ask(reliability_section, cohort, resamples=100, seed=0)
    assert section is not None
    mean, one, two = section.sheets
    assert [len(sheet.rows) for sheet in (mean, one, two)] == [1, 2, 1]
    assert set(section.plots[1].numbers["finding"]) == {"f0"}
    assert any("fitted for f1:" in note for note in section.notes)


def test_bins_hold_equally_many_rows_and_bars_are_wilsons():
    labels = (np.arange(100) % 2).astype(float)[:, None]
    scores = [np.linspace(0.01, 0.99, 100)[:, None]]
    section = ask(reliability_section, cohort_of(labels, scores), resamples=100, seed=0)
    assert section is not None
    (plot,) = section.plots
    assert plot.numbers["rows"].tolist() == [10] * 10
    assert plot.numbers["share_positive"].tolist() == [0.5] * 10
    assert plot.numbers["low"][0] == pytest.approx(0.2366, abs=1e-4)
    assert "Wilson" in plot.caption


def test_constant_scores_have_one_bin_and_no_slope():
    labels = (np.arange(40) % 2).astype(float)[:, None]
    section = ask(reliability_section, cohort_of(labels, [np.full((40, 1), 0.5)]), resamples=100, seed=0)
    assert section is not None
    assert section.plots[0].numbers["rows"].tolist() == [40]
    assert section.sheets[0].rows[0][4] == "undefined"


def test_five_patients_have_values_without_intervals():
    labels = np.array([[1.0], [1], [0], [0], [0]])
    section = ask(reliability_section, cohort_of(labels, scores_for(labels, [1.0])), resamples=100, seed=0)
    assert section is not None
    assert all(cell.endswith("[–]") or cell == "undefined" for cell in section.sheets[0].rows[0][1:])


def test_one_class_has_nothing_to_calibrate():
    labels = np.ones((9, 1))
    assert ask(reliability_section, cohort_of(labels, scores_for(labels, [1.0])), resamples=100, seed=0) is None


def test_a_temperature_that_ended_on_its_bound_is_named():
    cohort = cohort_of(LABELS, scores_for(LABELS, [2.0]), temperature=2.0)
    assert "ended on a bound" not in " ".join(ask(reliability_section, cohort, resamples=100, seed=0).notes)
    cohort.scored[0][0].temperatures[:, 1] = COOLEST
    assert ask(reliability_section, cohort, resamples=100, seed=0).notes[0].endswith(": arm0 on f1.")
