"""Made studies have the sizes of real ones."""

from __future__ import annotations

import torch
from planning import BARE, cohort, machine, pictures, reports, vectors

from mmdx.engine.planning.choices import Choice, config_of
from mmdx.engine.planning.made import made_batch, made_facts
from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.rules.inputs import input_choices


def planned(of, on):
    way = approaches(of, on)[0]
    body = [Choice("data.store", "x", ""), Choice("data.size", 64, ""), *input_choices(of, on, way)]
    return config_of(body)


def test_pixels_words_and_descriptors() -> None:
    of = cohort(vectors={"tiles": vectors()}, reports={"note": reports(middle=10)})
    config = planned(of, BARE)
    batch = made_batch(config, of, studies=2)
    assert batch.inputs["image"].values.shape == (60, 1, 64, 64)
    assert batch.inputs["image"].values.dtype == torch.uint8
    assert batch.inputs["tiles"].values.shape == (10, 16)
    assert batch.inputs["note"].lengths.tolist() == [13, 13]
    assert batch.labels.shape == (2, 1)
    assert {name: labels.shape for name, labels in batch.slice_labels.items()} == {"image": (60, 1), "tiles": (10, 1)}
    assert batch.boxes["image"].corners.shape == (60, 4)


def test_hounsfield_units_are_stored_as_they_are() -> None:
    of = cohort(pictures={"image": pictures(unit="HU", pixels={"region": "head"})})
    batch = made_batch(planned(of, BARE), of, studies=1, items=3)
    assert batch.inputs["image"].values.dtype == torch.int16
    assert batch.inputs["image"].values.shape[0] == 3


def test_what_a_first_stage_leaves_is_as_wide_as_its_encoder() -> None:
    facts = made_facts(planned(cohort(), machine()), cohort())
    assert (facts.inputs["image"].width, facts.inputs["image"].selected) == (1280, 120)


def test_a_stack_has_the_channels_of_its_parts() -> None:
    of = cohort(pictures={"brain": pictures(), "bone": pictures()}, aligned=(("brain", "bone"),))
    facts = made_facts(planned(of, BARE), of)
    assert facts.inputs["stacked"].channels == 2
