"""Slices side by side are those of the study, under their numbers, with labels, boxes, scores and heat."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import mmdx
from mmdx.data.images.windows import WINDOWS, looked_at
from mmdx.data.store.store import Store
from mmdx.data.store.stored import StoredStudy
from mmdx.engine.inference.explaining.overlay import blended
from mmdx.engine.inference.explaining.source_slices import SlicePlace
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation
from mmdx.engine.inference.prediction import Prediction
from mmdx.errors import DataError, UsageError

FINDING = "subdural"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    """A study of the phantom that has the finding."""
    home = tmp_path_factory.mktemp("phantom")
    options = {"reader": "phantom", "patients": 4, "prevalence": 0.6, "matrix": 64}
    store: Store = mmdx.prepare(home / "raw", home / "store", size=32, **options)
    row = next(row for row in range(len(store)) if store.labels[row, store.findings.index(FINDING)] == 1)
    return store[row]


@pytest.fixture(autouse=True)
def windows_close() -> Iterator[None]:
    with pyplot.rc_context({"backend": "agg"}):
        yield
    pyplot.close("all")


def words(axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def test_all_slices_of_a_study_stand_under_their_numbers(study: StoredStudy) -> None:
    pixels = study.pixels("image")
    axes = mmdx.plot.slices(study)
    drawn = [np.asarray(image.get_array()) for image in axes.images]
    np.testing.assert_array_equal(drawn, [looked_at(image, WINDOWS["brain"]) for image in pixels])
    assert [word for word in words(axes) if word.isdigit()] == [str(number + 1) for number in range(len(pixels))]
    assert axes.get_title("left") == "image"
    assert len(axes.patches) == sum(box["modality"] == "image" for box in study.boxes())


def test_one_finding_has_its_labels_boxes_and_scores(study: StoredStudy) -> None:
    labels = study.slice_labels("image")[:, study.findings.index(FINDING)]
    index, boxes = int(np.argmax(labels)), [box for box in study.boxes() if box["finding"] == FINDING]
    count = len(study.pixels("image"))
    prediction = Prediction(
        *("s", "p", "image", (), {"image": count}, {"image": "position"}, (), ""),
        slices={FINDING: tuple(number / 100 for number in range(count))},
        slice_numbers=tuple(range(count)),
    )
    figure = Figure()
    given = figure.subplots()
    axes = mmdx.plot.slices(
        study, FINDING, numbers=[index + 1, 1], window="bone", scores=prediction, modality="image", ax=given
    )
    assert axes is given
    np.testing.assert_array_equal(axes.images[0].get_array(), looked_at(study.pixels("image")[index], WINDOWS["bone"]))
    last = "0.00 present" if labels[0] else "0.00"
    assert words(axes) == [str(index + 1), f"{index / 100:.2f} present", "1", last]
    (box,) = [box for box in boxes if (box["modality"], box["image"]) == ("image", index)]
    side = study.pixels("image").shape[-1]
    assert axes.patches[0].get_width() == pytest.approx((box["x1"] - box["x0"]) / side)
    assert axes.patches[0].get_x() == pytest.approx(box["x0"] / side)


def test_of_many_slices_the_first_the_last_and_some_between_are_drawn(
    study: StoredStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmdx.plot.montage.MOST", 3)
    count = len(study.pixels("image"))
    numbers = [int(word) for word in words(mmdx.plot.slices(study)) if word.isdigit()]
    assert numbers == [1, round((count - 1) / 2) + 1, count]


def test_an_explanation_shows_each_slice_and_its_heat_below() -> None:
    grey, heat = np.full((4, 8), 0.5, np.float32), np.linspace(0, 1, 32, dtype=np.float32).reshape(4, 8)
    explained = tuple(ExplainedSlice(SlicePlace(index, 5), score, grey, heat) for index, score in ((2, 0.75), (0, 0.5)))
    axes = mmdx.plot.slices(Explanation("s", "ct", {"bleed": explained, "other": explained[:1]}, None))
    plain, _, heated, _ = (np.asarray(image.get_array()) for image in axes.images)
    np.testing.assert_array_equal(plain, np.full((4, 8, 3), 128))
    np.testing.assert_array_equal(heated, blended(plain, heat))
    assert words(axes) == ["3", "0.75", "1", "0.50"]
    left, right, bottom, top = axes.images[0].get_extent()
    assert (right - left, bottom - top) == pytest.approx((1, 0.5))
    one = mmdx.plot.slices(Explanation("s", "ct", {"bleed": explained}, None), "bleed", numbers=[1])
    assert words(one) == ["1", "0.50"]


def test_what_cannot_be_drawn_is_said_in_one_line(study: StoredStudy) -> None:
    explanation = Explanation("s", "ct", {"bleed": ()}, None)
    prediction = Prediction("s", "p", "image", (), {"image": 99}, {"image": "position"}, (), "", slices={FINDING: ()})
    wrong = [
        ({"finding": "bled"}, "no finding 'bled'; known: any, epidural"),
        ({"modality": "mri"}, "no images 'mri'; known: enhanced, image"),
        ({"window": "brian"}, "no window 'brian'; did you mean 'brain'"),
        ({"window": (40.0, 0.0)}, "a window of width 0; give centre and a width above 0 in HU"),
        ({"numbers": [1, 99]}, "slice 99: the study has 1 to "),
        ({"scores": prediction}, "scores are of one finding; name it"),
        (
            {"scores": prediction, "finding": "epidural"},
            "scores have none of 'epidural' by slice; did you mean",
        ),
    ]
    for options, line in wrong:
        with pytest.raises(UsageError) as told:
            mmdx.plot.slices(study, **options)  # pyright: ignore[reportArgumentType]
        assert str(told.value).startswith(f"plot.slices: {line}")
    with pytest.raises(DataError, match=r"^plot.slices: scores are of 99 images of 'image', and the study has \d+$"):
        mmdx.plot.slices(study, FINDING, scores=prediction)
    with pytest.raises(UsageError, match=r"^plot.slices: window and scores: not of an Explanation"):
        mmdx.plot.slices(explanation, window="brain", scores=prediction)
    with pytest.raises(UsageError, match=r"^finding 'x': is not explained"):
        mmdx.plot.slices(explanation, "x")
    jaxtyping.config.update("jaxtyping_disable", True)  # a notebook checks no types
    with pytest.raises(UsageError, match=r"^plot.slices: 'int' holds no slices; give a study of a Store"):
        mmdx.plot.slices(3)  # pyright: ignore[reportArgumentType]
