"""What members say, by what is shown."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from mmdx.engine.scoring.stacking.answers import Answers, members_of, pooled, showings_of


def presence(has: dict[int, str]) -> Any:
    return cast(Any, lambda row, name: name in has[row])


def test_what_is_shown_of_a_study_is_what_it_has_of_what_is_asked_for():
    has = {0: "ct report", 1: "ct"}
    assert set(showings_of(presence(has), ["ct", "report"], [0, 1])) == {("ct", "report"), ("ct",), ("report",), ()}
    assert showings_of(presence(has), ["ct", "report"], [0]) == [("ct", "report"), ("ct",), ("report",)]
    assert showings_of(presence({0: "other"}), ["ct", "report"], [0]) == [()]


def test_a_rare_set_of_many_modalities_is_among_them_and_others_that_nobody_shows_are_not():
    names = ["a", "b", "c", "d"]
    shown = showings_of(presence({0: "a b c d", 1: "a d"}), names, [0, 1])
    assert ("a", "d") in shown
    assert ("b", "c") not in shown
    assert ("a", "b", "c") in shown


def test_the_network_answers_first_then_alone_then_the_linear_models_of_what_is_shown():
    assert members_of(("ct", "report"), ["report", "other"]) == [
        *("network", "network ct", "network report"),
        "linear report",
    ]
    assert members_of(("ct",), ["report"]) == ["network"]


def part(study: str, **logits: float) -> Answers:
    of = {("ct",): {name.replace("_", " "): np.array([[value]]) for name, value in logits.items()}}
    return Answers((study,), (f"p{study}",), np.ones((1, 1)), np.ones((1, 1), bool), of)


def test_parts_become_one_with_the_members_that_all_have():
    both = pooled([part("a", network=1.0, linear_ct=2.0), part("b", network=3.0)])
    assert both.study_ids == ("a", "b")
    assert list(both.logits["ct",]) == ["network"]
    assert both.logits["ct",]["network"].tolist() == [[1.0], [3.0]]
    assert (both.patient_ids, both.labels.shape, both.present.shape) == (("pa", "pb"), (2, 1), (2, 1))
