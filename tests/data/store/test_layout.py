"""The rows of a store hold what most studies have."""

from __future__ import annotations

from pathlib import Path

import pytest
from raw_studies import images, study

from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import layout_of
from mmdx.errors import DataError
from mmdx.study import Modality


def test_findings_stand_in_the_order_of_their_first_appearance() -> None:
    studies = [
        study("a", {"ct": images(Path("a"))}, labels={"b": 1.0}, slice_labels={"ct": {"s": (0.0,)}}),
        study("b", labels={"a": 0.0, "b": 0.0}),
    ]
    assert layout_of(studies, size=8).findings == ("b", "s", "a")


def test_one_colour_image_makes_the_modality_colour() -> None:
    studies = [study("a", {"x": images(Path("a"))}), study("b", {"x": images(Path("b"), channels=3)}), study("c")]
    layout = layout_of([*studies, studies[0]], size=8)
    assert layout.modalities == {"x": ModalityFacts("images", "intensity", 3), "report": ModalityFacts("text")}


@pytest.mark.parametrize("name", ["labels", "study_id", "a.b", "ct+report", "boxes"])
def test_a_name_that_a_column_needs_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"modality '{name.replace('+', '.')}': .*choose another"):
        layout_of([study("a", {name: "text"})], size=8)


def test_most_studies_say_what_a_modality_is_and_the_first_among_equals() -> None:
    hu, grey = images(Path("a"), unit="HU"), images(Path("b"))
    colour = images(Path("c"), channels=3)

    def facts(*values: Modality) -> ModalityFacts:
        return layout_of([study(str(i), {"x": value}) for i, value in enumerate(values)], size=8).modalities["x"]

    assert facts(hu, grey, "text", grey) == ModalityFacts("images", "intensity", 1)
    assert facts(colour, hu, hu) == ModalityFacts("images", "HU", 1)
    assert facts(hu, hu, grey, colour, grey) == ModalityFacts("images", "intensity", 3)
    assert facts("text", grey, "text", hu) == ModalityFacts("text")
    assert facts("text", grey) == facts("text") == ModalityFacts("text")
    assert facts(grey, "text") == facts(grey, hu) == ModalityFacts("images")
