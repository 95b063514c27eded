"""Suspects: studies with neighbouring ids that look like one patient, where patients are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from audited import store_facts

from mmdx.data.audit.neighbours import check_neighbours
from mmdx.data.audit.pixels import FACTS, ImageFacts, unit_rows
from mmdx.data.audit.store_facts import StoreFacts

COUNT = 60


def cohort(
    twins: Sequence[tuple[int, int]], *, traits: Sequence[dict[str, str | float]] | None = None, unknown: int = COUNT
) -> StoreFacts:
    """Studies `im1` … in a shuffled order with hashes by chance; those of each pair of `twins` are nearly one."""
    rng = np.random.default_rng(4)
    numbers = rng.permutation(COUNT) + 1
    hashes = {int(number): rng.normal(size=256) for number in numbers}
    for first, second in twins:
        hashes[second] = hashes[first] + rng.normal(scale=0.3, size=256)
    drawn = np.stack([hashes[int(number)] for number in numbers])
    facts = store_facts(
        labels={"bleed": [0.0, 1.0] * (COUNT // 2)},
        study_ids=[f"im{number}" for number in numbers],
        splits=["test" if number % 2 else "train" for number in numbers],
        traits=traits,
    )
    images = ImageFacts(
        owner=np.arange(COUNT),
        place=np.zeros(COUNT, dtype=int),
        digests=np.array([f"{number:032x}" for number in numbers]),
        blank=np.zeros(COUNT, dtype=bool),
        hashes=unit_rows(drawn).astype(np.float16),
        facts=np.zeros((COUNT, len(FACTS)), dtype=np.float32),
    )
    return replace(facts, images={"image": images}, patients_unknown=unknown)


TWINS = [(3, 4), (4, 5), (20, 21), (30, 31), (41, 42), (50, 51)]


def test_neighbours_that_look_alike_are_suspects() -> None:
    (issue,) = check_neighbours(cohort(TWINS))
    assert (issue.kind, issue.severity) == ("suspects", "warning")
    assert issue.sentence.startswith(
        "5 groups of studies with neighbouring ids look like one patient each, 5 of them in"
    )
    groups = {frozenset(group) for group in issue.figures["groups"]}
    assert groups == {
        *(frozenset({"im3", "im4", "im5"}), frozenset({"im20", "im21"}), frozenset({"im30", "im31"})),
        *(frozenset({"im41", "im42"}), frozenset({"im50", "im51"})),
    }


def test_suspects_of_one_split_are_a_note() -> None:
    facts = cohort(TWINS)
    (issue,) = check_neighbours(replace(facts, splits=("train",) * COUNT))
    assert issue.severity == "note"


def test_nothing_is_said_of_chance_of_known_patients_and_of_distant_twins() -> None:
    assert check_neighbours(cohort([])) == []
    assert check_neighbours(cohort([(3, 4)])) == []
    assert check_neighbours(cohort(TWINS, unknown=0)) == []
    assert check_neighbours(cohort([(a, b + 5) for a, b in TWINS])) == []


def test_another_sex_is_another_patient() -> None:
    facts = cohort(TWINS)
    sexes = tuple({"sex": "F" if int(name[2:]) % 2 else "M"} for name in facts.study_ids)
    assert check_neighbours(replace(facts, traits=sexes)) == []


def test_few_studies_say_nothing() -> None:
    facts = cohort(TWINS)
    few = replace(facts.images["image"], blank=np.arange(COUNT) >= 25)
    assert check_neighbours(replace(facts, images={"image": few})) == []
