"""Gains by the probability before the images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy
from asking import ask
from sklearn.metrics import roc_auc_score

from mmdx.stats.cohort.origins import Origin
from mmdx.stats.sections.strata import strata_section

LABELS = halves(240)
TEXT = noisy(LABELS, 4.0, seed=2)
ARMS = {"image+report": noisy(LABELS, 1.0), "image": noisy(LABELS, 3.0, seed=1), "report": TEXT}


def cohort(before: tuple[str, ...] = ("report",), **more):
    made = cohort_of(LABELS, ARMS | more)
    return replace(made, origins=(Origin("run", before=before),))


def test_each_third_has_its_own_auroc():
    section = ask(strata_section, cohort(), resamples=200)
    assert [stratum["before"] for stratum in section.record] == ["low", "middle", "high"]
    assert [stratum["studies"] for stratum in section.record] == [80, 80, 80]
    order = np.argsort(TEXT[:, 0], kind="stable")
    low = order[:80]
    expected = np.mean([roc_auc_score(LABELS[rows, f], ARMS["image"][rows, f]) for f, rows in enumerate(thirds(0))])
    assert section.record[0]["auroc"]["image"]["value"] == pytest.approx(expected)
    assert set(low) == set(thirds(0)[0])
    assert section.sheets[0].header == ("before", "studies", "image+report", "minus image")
    assert section.sentences[0].startswith("Where the probability before is low, image+report minus the others in ")


def thirds(place: int) -> list[np.ndarray]:
    return [np.argsort(TEXT[:, f], kind="stable")[80 * place : 80 * (place + 1)] for f in range(LABELS.shape[1])]


def test_a_baseline_of_the_words_comes_first():
    words = noisy(LABELS, 6.0, seed=3)
    made = cohort(**{"baseline words": words})
    arms = tuple(replace(arm, shown="TF-IDF report") if arm.kind == "baseline" else arm for arm in made.arms)
    section = ask(strata_section, replace(made, arms=arms), resamples=100)
    assert section.sheets[0].header[2:] == ("image+report", "minus image", "minus report")
    assert "by baseline words" in section.sheets[0].title


def test_without_a_text_known_before_there_is_none():
    assert ask(strata_section, cohort(before=()), resamples=100) is None
    assert ask(strata_section, cohort(before=("history",)), resamples=100) is None
