"""Images that come after an answer: the same again, some alone, or all with more."""

from __future__ import annotations

from mmdx.nodes.past import Past, Standing

A, B, C = b"a", b"b", b"c"


def test_what_came_later_is_held_against_what_was_answered() -> None:
    past = Past()
    assert past.standing(b"study", {A, B}) is Standing.NEW
    past.answered(b"study", {A, B})
    assert past.standing(b"study", {A, B}) is Standing.KNOWN
    assert past.standing(b"study", {B}) is Standing.KNOWN
    assert past.standing(b"study", {C}) is Standing.PARTLY
    assert past.missing(b"study", {C}) == 2
    assert past.standing(b"study", {B, C}) is Standing.PARTLY
    assert past.standing(b"study", {A, B, C}) is Standing.NEW
    assert past.standing(b"other", {A}) is Standing.NEW


def test_the_studies_answered_first_are_forgotten_first() -> None:
    past = Past(most=3)
    past.answered(b"one", {A, B})
    past.answered(b"two", {C})
    past.answered(b"one", {A, B})  # answered again, and thereby the latest
    past.answered(b"three", {A})
    assert past.standing(b"two", {C}) is Standing.NEW
    assert past.standing(b"one", {A, B}) is Standing.KNOWN
