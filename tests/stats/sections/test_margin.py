"""Non-inferiority by a stated margin, and of a checkpoint that stands in for a model trained without a modality."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.errors import UsageError
from mmdx.stats.sections.margin import margin_section


def cohort(worse: float):
    """The fused run at its fullest and on the image alone, and a run trained on the image; `worse` noise more."""
    labels = halves(400)
    alone = noisy(labels, 2.0, seed=1)
    arms = {"fused: image+report": noisy(labels, 1.5), "fused: image": alone + worse * noisy(labels, 9.0), "cnn": alone}
    runs = {"fused: image+report": "fused", "fused: image": "fused"}
    shown = {"fused: image+report": "image+report", "fused: image": "image", "cnn": "image"}
    return cohort_of(labels, arms, runs=runs, shown=shown)


def claims(worse: float, margin: float) -> dict:
    section = ask(partial(margin_section, margin=margin), cohort(worse), resamples=200)
    return {(claim["candidate"], claim["against"]): claim for claim in section.record["claims"]}


def test_the_fallback_is_held_against_the_model_that_it_stands_in_for():
    section = ask(partial(margin_section, margin=0.02), cohort(0.0), resamples=200)
    assert section.sentences[-1] == (
        "In macro AUROC, shown image alone, the checkpoint of fused is at most 0.02 worse than cnn, which was trained "
        "on image: shown (difference 0.000, 95 % interval 0.000 to 0.000, one-sided p = 0.005)."
    )
    assert [row[1] for row in section.sheets[0].rows] == ["fused: image+report"] * 2 + ["cnn (stood in for)"]


def test_a_worse_model_is_not_shown_to_be_within_the_margin():
    found = claims(3.0, 0.02)["fused: image", "cnn"]
    assert (found["fallback"], found["shown"]) == (True, False)
    assert found["difference"]["value"] < -0.02


def test_by_hand():
    """Equal but for one study: of 20 positives one falls below all negatives, which costs 1/20."""
    labels = np.repeat([[1.0], [0.0]], 20, axis=0)
    first = np.linspace(0.9, 0.1, 40)[:, None]
    second = first.copy()
    second[0] = 0.0
    two = cohort_of(labels, {"a": first, "b": second})
    found = [ask(partial(margin_section, margin=m), two, resamples=400).record["claims"][0] for m in (0.04, 0.4)]
    assert [claim["difference"]["value"] for claim in found] == [pytest.approx(-0.05)] * 2
    assert [claim["shown"] for claim in found] == [False, True]


def test_a_margin_that_is_none_is_refused():
    with pytest.raises(UsageError, match=r"margin 2: must lie between 0 and 0\.5"):
        ask(partial(margin_section, margin=2.0), cohort(0.0), resamples=100)


def test_one_model_is_no_section():
    labels = halves(20)
    only = cohort_of(labels, {"image": noisy(labels, 1.0), "baseline constant": noisy(labels, 9.0)})
    assert ask(partial(margin_section, margin=0.02), only, resamples=100) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_refused_in_words(name):
    section = ask(partial(margin_section, margin=0.05), wild()[name], resamples=100)
    assert len(section.sentences) == 3
    assert all("nan" not in sentence for sentence in section.sentences)


def test_the_margin_is_one_of_the_primary_finding():
    section = ask(partial(margin_section, margin=0.02), replace(cohort(0.0), primary_finding="bleed"), resamples=200)
    assert section.sentences[0].startswith("In AUROC for bleed, ")
