"""What a branch knows of its modality: facts stay as they are, and a new encoder's architecture makes new ones."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from mmdx.models.facts import InputFacts


def test_images_are_of_one_channel_of_intensity_unless_the_facts_say_otherwise() -> None:
    assert InputFacts("images") == InputFacts("images", unit="intensity", channels=1)
    assert InputFacts("images") != InputFacts("images", unit="HU")


def test_an_architecture_makes_new_facts_and_leaves_the_old_ones() -> None:
    facts = InputFacts("text", vocabulary=8)
    built = replace(facts, architecture={"layers": 2})
    assert (built.kind, built.vocabulary, built.architecture) == ("text", 8, {"layers": 2})
    assert facts.architecture is None
    with pytest.raises(FrozenInstanceError):
        facts.vocabulary = 9  # type: ignore[misc]
