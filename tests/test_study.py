"""A modality says its kind by its value, and names its files."""

from __future__ import annotations

from pathlib import Path

from mmdx.study import (
    ImageFiles,
    ImageRef,
    Order,
    VectorFiles,
    count_fact,
    is_fact,
    kind_name,
    modality_of,
    order_fact,
    text_fact,
)

FRAMES = (ImageRef(Path("a"), 0), ImageRef(Path("a"), 1))


def test_the_kind_is_that_of_the_value() -> None:
    assert kind_name("Fell.") == "text"
    assert kind_name(ImageFiles(FRAMES, Order("given"))) == "images"
    assert kind_name(VectorFiles((Path("b.npy"),), 4)) == "vectors"


def test_images_name_their_frames_and_other_kinds_their_files() -> None:
    images = ImageFiles(FRAMES, Order("given"))
    assert images.paths == (Path("a"), Path("a"))
    assert images.refs == FRAMES
    assert VectorFiles((Path("b.npy"),), 4).refs == (ImageRef(Path("b.npy")),)


def test_digests_and_true_odds_are_no_facts() -> None:
    assert is_fact("age")
    assert not is_fact("series_digest")
    assert not is_fact("log_odds/bleed")


def test_facts_of_modalities_are_named_without_a_plural_of_the_users_words_and_read_back():
    assert count_fact("image") == "number of images"
    assert count_fact("enhanced") == "number of items of enhanced"
    facts = [name(modality) for modality in ("image", "ct") for name in (count_fact, order_fact)] + [text_fact("note")]
    assert [modality_of(fact, facts) for fact in facts] == ["image", "image", "ct", "ct", "note"]


def test_counts_of_earlier_runs_are_told_from_traits_that_are_called_alike():
    facts = ["number of siblings", "number of enhanceds", "order source of enhanced", "sex"]
    assert [modality_of(fact, facts) for fact in facts] == [None, "enhanced", "enhanced", None]
