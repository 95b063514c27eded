"""What a run reads of a second cohort must be stored as in its training."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cohorts import folder_cohort, prepared, quiet, recipe, write_ct, write_table
from members import write_member
from PIL import Image

from mmdx.data.cohorts.joined import Part
from mmdx.data.cohorts.names import Known, Names
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.experiments.external.evaluate import _described
from mmdx.engine.experiments.external.inputs import (
    check_alike,
    check_any,
    described_inputs,
    known_to,
    layout_for,
    stacked,
)
from mmdx.errors import DataError, UsageError
from mmdx.models.facts import InputFacts
from mmdx.schema import SplitOptions

NAMES = Names({"bleed": "bleed"}, {"image": "image", "report": "report"})


@pytest.fixture
def saved(tmp_path: Path) -> SavedModel:
    return load_model(write_member(tmp_path / "model", seed=0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store", size=32)


def with_image(saved: SavedModel, image: InputFacts) -> SavedModel:
    inputs = {**saved.facts.inputs, "image": image}
    return replace(saved, facts=replace(saved.facts, inputs=inputs))


def refused(saved: SavedModel, store: Store) -> str:
    with pytest.raises(DataError) as error:
        check_alike(saved, store, NAMES)
    (problem,) = error.value.problems
    return problem


def test_what_is_stored_alike_passes(saved, store):
    check_alike(saved, store, NAMES)
    assert known_to(saved) == Known(("bleed", "fracture"), ("image", "report"))
    layout = layout_for(saved)
    assert (list(layout.modalities), layout.findings, layout.size) == (["image", "report"], ("bleed", "fracture"), 32)


def test_another_size_is_refused_with_both_values(saved, tmp_path):
    small = prepared(folder_cohort(tmp_path / "other"), tmp_path / "small", size=16)
    assert "images of 16 pixels, and the run was trained on 32; prepare it with size=32" in refused(saved, small)


def test_other_units_are_refused_with_both_values(saved, store):
    said = refused(with_image(saved, InputFacts("images", unit="HU")), store)
    assert "Hounsfield" in said
    assert "and the run was trained on" in said


def test_colour_and_grey_are_refused_with_both_values(saved, store, tmp_path):
    assert "'image' is grey, and the run was trained on colour images" in refused(
        with_image(saved, InputFacts("images", channels=3)), store
    )
    root = tmp_path / "colour"
    root.mkdir()
    rows = []
    for number in range(6):
        Image.new("RGB", (32, 32), (number, 90, 200)).save(root / f"{number}.png")
        rows.append({"study_id": f"s{number}", "file_names": [f"{number}.png"], "bleed": number % 2})
    colour = prepared(write_table(root, rows), tmp_path / "coloured", size=32)
    with pytest.raises(DataError, match="is colour, and the run was trained on grey images"):
        check_alike(saved, colour, Names({}, {"image": "image"}))


def test_text_for_images_is_refused(saved, store):
    with pytest.raises(DataError, match=re.escape("'report' holds text, and the run was trained on")):
        check_alike(saved, store, Names({}, {"image": "report"}))


def test_descriptors_of_another_width_or_of_images_without_a_first_stage_are_refused(saved, store):
    said = refused(with_image(saved, InputFacts("vectors", width=6)), store)
    assert "vectors of width 6" in said


def test_the_first_stage_describes_the_images_of_a_second_cohort(saved, store, tmp_path):
    second = replace(with_image(saved, InputFacts("vectors", width=6)), first=saved)
    assert described_inputs(second, store, NAMES) == ["image"]
    check_alike(second, store, NAMES)
    described = _described(second, Part(store, [2, 0], NAMES))
    assert [array.shape for array in described["image"]] == [(3, 6), (1, 6)]
    assert described_inputs(saved, store, NAMES) == []


def test_a_stack_needs_all_of_its_parts(saved, tmp_path):
    data = saved.config.data.model_copy(update={"stacks": {"image": ("brain", "bone")}})
    saved = with_image(saved, InputFacts("images", channels=2, details=(("brain", 1), ("bone", 1))))
    saved = saved.with_config(lambda config: config.model_copy(update={"data": data}))
    assert known_to(saved).modalities == ("brain", "bone", "report")
    ct = tmp_path / "ct"
    for number in range(4):
        place = {"study": f"1.{number}", "series": f"1.{number}.1", "patient": f"p{number}"}
        write_ct(ct / f"{number}.dcm", np.full((8, 8), number), instance=0, **place)
    made = prepare_store(
        recipe(ct, reader="dicom", size=32), tmp_path / "s", SplitOptions(val=0.2, test=0.2), quiet()[0]
    )
    names = Names({}, {"brain": "image"})
    same, unchanged, lines = stacked(saved, made, names)
    assert (same.layout.stacks, unchanged.modalities, lines) == ({}, {"brain": "image"}, [])


def test_nothing_in_common_is_refused_with_what_both_have(store):
    known = Known(("mass",), ("ct",))
    with pytest.raises(UsageError, match=r"labels bleed.*answers for mass.*--map"):
        check_any(Names({}, {}), known, store, tables=False)
    with pytest.raises(UsageError, match=r"holds image, report, and the run reads ct.*--map"):
        check_any(Names({"mass": "bleed"}, {}), known, store, tables=False)
    check_any(Names({"mass": "bleed"}, {}), known, store, tables=True)
