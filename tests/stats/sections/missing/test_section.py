"""What is left without a modality, beside a model that never had it."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.metrics.registry import auroc
from mmdx.stats.sections.missing.section import missing_section

LABELS = halves(200)
ARMS = {
    "fused: image+report": noisy(LABELS, 1.5),
    "fused: image": noisy(LABELS, 6.0, seed=1),
    "fused: report": noisy(LABELS, 20.0, seed=2),
    "cnn": noisy(LABELS, 2.0, seed=3),
}
RUNS = {name: name.split(":")[0] for name in ARMS}
SHOWN = {name: name.split(": ")[-1] for name in ARMS} | {"cnn": "image"}


def macro(name: str) -> float:
    once = np.ones((1, len(LABELS)), dtype=np.int32)
    return float(np.mean([auroc(LABELS[:, f], ARMS[name][:, f], once)[0] for f in range(2)]))


def section(**changes):
    return ask(missing_section, cohort_of(LABELS, ARMS | changes, runs=RUNS, shown=SHOWN), resamples=200, seed=0)


def test_a_curve_a_modality_from_the_full_showing_to_the_one_without():
    without_report, without_image = section().record
    assert (without_report["modality"], without_image["modality"]) == ("report", "image")
    for curve, left in ((without_report, "fused: image"), (without_image, "fused: report")):
        assert curve["curve"][0]["value"] == pytest.approx(macro("fused: image+report"))
        assert curve["curve"][-1]["value"] == pytest.approx(macro(left))
        assert curve["cost"]["value"] == pytest.approx(macro("fused: image+report") - macro(left))


def test_a_model_trained_without_it_is_named_with_the_paired_difference():
    first, second = section().sentences[:2]
    assert first.startswith("With report missing everywhere the macro AUROC of fused falls from ")
    assert second.startswith("A model trained on image alone (cnn) reaches ")
    assert second.endswith("the model trained without it is better.")
    trained = section().record[0]["trained"][0]
    assert trained["difference"]["value"] == pytest.approx(macro("fused: image") - macro("cnn"))
    assert section().record[1]["trained"] == []


def test_several_trainings_are_averaged():
    fused = [ARMS["fused: image+report"], ARMS["fused: image"]]
    found = section(**{"fused: image+report": fused, "fused: image": [ARMS["fused: image"]] * 2}).record[0]
    assert found["curve"][0]["value"] == pytest.approx((macro("fused: image+report") + macro("fused: image")) / 2)


def test_a_run_with_one_modality_is_no_section():
    assert ask(missing_section, cohort_of(LABELS, {"image": ARMS["cnn"]}), resamples=100, seed=0) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_say_what_is_undefined(name):
    found = ask(missing_section, wild()[name], resamples=100, seed=0)
    assert all("nan" not in sentence for sentence in found.sentences)
    assert [point["low"] is None for point in found.record[0]["curve"]].count(True) in (0, 11)


def test_the_caption_names_a_dashed_line_only_where_one_is_drawn():
    assert section().plots[0].caption.endswith("Dashed: a model that never had it.")
    alone = {name: scores for name, scores in ARMS.items() if name != "cnn"}
    without = ask(missing_section, cohort_of(LABELS, alone, runs=RUNS, shown=SHOWN), resamples=100, seed=0)
    assert without.plots[0].caption == "One checkpoint per line. Bands: 95 % intervals over patients."
