"""How long a plan trains, from what a step costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planning import CHEAP, GIB, cohort, machine, pictures, vectors

from mmdx.engine.planning.choices import Choice, config_of
from mmdx.engine.planning.length import Length, auto_refits, fitted_length, slice_budget, trained_seconds, usual_epochs

FROZEN = config_of(
    [
        Choice("data.store", "x", ""),
        Choice("first.folds", None, ""),
        Choice("first.model.inputs.image.encoder", {"type": "timm", "frozen": True}, ""),
        Choice("model.inputs.image.encoder", "mlp", ""),
    ]
)
TRAINED = config_of([Choice("data.store", "x", ""), Choice("model.inputs.image.encoder", "timm", "")])


@pytest.mark.parametrize(("studies", "epochs"), [(50.0, 30), (2e3, 30), (2001.0, 20), (2e4, 10), (20_001.0, 5)])
def test_many_studies_need_fewer_epochs(studies: float, epochs: int) -> None:
    assert usual_epochs(studies) == epochs


def test_auto_trains_five_models_more_where_nothing_of_images_learns() -> None:
    assert auto_refits(FROZEN, cohort(), 5) == 5
    assert auto_refits(TRAINED, cohort(), 5) == 1
    assert auto_refits(TRAINED, cohort(patients=2001), 0) == 0


def test_auto_trains_three_where_few_patients_would_weigh_several_inputs() -> None:
    both = config_of(
        [
            Choice(f"model.inputs.{name}.encoder", part, "")
            for name, part in (("image", "timm"), ("report", "bag_and_sequence"))
        ]
        + [Choice("data.store", "x", "")]
    )
    # Of 240 patients 192 are trained on in each of five folds, 28.8 of them to validate.
    assert [auto_refits(both, cohort(patients=count), 5) for count in (240, 260)] == [3, 1]


def test_the_time_of_all_trainings() -> None:
    # 5 folds of 15 s and 6 models; a model takes 2 s and 10 epochs of 68 studies of 0.01 s, with validation.
    model = 2 + 10 * 68 * 0.01 * 1.15
    assert trained_seconds(FROZEN, cohort(), CHEAP, epochs=10, folds=5, refits=None) == pytest.approx(
        5 * (15 + 6 * model)
    )
    assert trained_seconds(FROZEN, cohort(), CHEAP, epochs=10, folds=5, refits=1) == pytest.approx(5 * (15 + 2 * model))


def length(minutes: float, study: float = 0.01) -> Length:
    cost = replace(CHEAP, study=study)
    return fitted_length(FROZEN, cohort(), cost, folds=5, minutes=minutes, cores=2)


def test_with_time_nothing_is_cut_short() -> None:
    found = length(60.0)
    assert (found.epochs, found.folds, found.refits, found.fits) == (30, 5, None, True)
    # Decoding 3,000 images on 2 cores and encoding them, then five folds of six models.
    assert found.minutes == pytest.approx((15 + 30 + 5 * (15 + 6 * (2 + 30 * 0.68 * 1.15))) / 60)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(12.0, (30, 5, 3)), (8.0, (20, 5, 3)), (7.0, (15, 5, 3)), (5.0, (15, 3, 3)), (3.5, (15, 3, 1)), (0.1, (15, 3, 1))],
)
def test_refits_go_first_then_epochs_then_folds(minutes: float, expected: tuple[int, int, int]) -> None:
    found = length(minutes)
    assert (found.epochs, found.folds, found.refits) == expected
    assert found.fits == (found.minutes <= minutes)


def test_images_of_a_batch_are_those_that_memory_has_room_for() -> None:
    cost = replace(CHEAP, slice_bytes=100 * 2**20)
    assert slice_budget(TRAINED, cohort(), cost, 16 * GIB) == (64, None)
    assert slice_budget(TRAINED, cohort(), replace(cost, slice_bytes=1), 16 * GIB) == (256, None)


def test_a_study_that_memory_has_no_room_for_keeps_some_of_its_images() -> None:
    cost = replace(CHEAP, slice_bytes=100 * 2**20)
    long = cohort(pictures={"a": pictures(longest=300), "b": pictures(longest=300)})
    assert slice_budget(TRAINED, long, cost, 16 * GIB) == (64, 32)


def test_descriptors_are_never_left_out() -> None:
    long = cohort(pictures={"image": pictures(longest=3000)})
    assert slice_budget(FROZEN, long, CHEAP, machine().room) == (3000, None)
    tiles = cohort(pictures={}, vectors={"tiles": vectors()})
    assert slice_budget(FROZEN, tiles, CHEAP, machine().room) == (400, None)
