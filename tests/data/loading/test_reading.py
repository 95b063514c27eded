"""Which images are read, in which order, and where they then stand."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.data.loading.reading import Reading
from mmdx.schema import DataConfig

SHUFFLED = [2, 4, 3, 5, 0, 1]
"""What study `s1` of six images drew when this was written: another process, machine or version must draw the same."""


def test_everything_in_certified_order_by_default():
    assert Reading().numbers(4, "s").tolist() == [0, 1, 2, 3]
    assert Reading().count(4) == 4
    assert Reading().evidence("position") == "position"


def test_reversed_images_stand_from_the_last_against_the_normal():
    reading = Reading(order="reversed")
    numbers = reading.numbers(3, "s")
    assert numbers.tolist() == [2, 1, 0]
    assert reading.places(numbers, 3, 5.0).tolist() == [0.0, 5.0, 10.0]
    assert reading.evidence("position") == "position reversed"


def test_shuffled_images_stand_nowhere():
    reading = Reading(order="shuffled")
    numbers = reading.numbers(12, "s")
    assert sorted(numbers.tolist()) == list(range(12))
    assert numbers.tolist() != list(range(12))
    assert np.isnan(reading.places(numbers, 12, 5.0)).all()
    assert reading.evidence("position") == "unknown"


def test_what_is_drawn_hangs_on_the_study_and_the_seed_alone():
    assert Reading(order="shuffled").numbers(6, "s1").tolist() == SHUFFLED
    assert Reading(order="shuffled", seed=1).numbers(6, "s1").tolist() != SHUFFLED
    assert Reading(order="shuffled").numbers(6, "s2").tolist() != SHUFFLED


@pytest.mark.parametrize(
    ("images", "dropped", "left"), [(10, 0.2, 8), (3, 0.2, 2), (2, 0.2, 2), (1, 0.9, 1), (0, 0.5, 0)]
)
def test_a_share_of_the_images_is_left_out_and_one_always_stays(images, dropped, left):
    reading = Reading(dropped=dropped)
    numbers = reading.numbers(images, "s").tolist()
    assert reading.count(images) == len(numbers) == left
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(images))


def test_the_same_images_are_left_out_in_any_order():
    kept = [
        Reading(order=order, dropped=0.3).numbers(10, "s").tolist() for order in ("certified", "shuffled", "reversed")
    ]
    assert sorted(kept[1]) == kept[0] == kept[2][::-1]


def test_images_that_are_left_leave_their_place_empty():
    numbers = np.array([0, 2, 3])
    assert Reading(dropped=0.25).places(numbers, 4, 2.5).tolist() == [0.0, 5.0, 7.5]
    assert np.isnan(Reading().places(numbers, 4, None)).all()


def test_of_many_images_some_stay_after_others_were_left_out():
    reading = Reading(dropped=0.5, most=3)
    assert reading.count(10) == len(reading.numbers(10, "s")) == 3
    assert set(reading.numbers(10, "s").tolist()) <= set(Reading(dropped=0.5).numbers(10, "s").tolist())
    assert reading.count(4) == 2


def test_a_reading_is_what_the_config_says(tmp_path):
    data = DataConfig(store=tmp_path, order="shuffled", drop_images=0.1, max_images=9)
    assert Reading.of(data, 7) == Reading("shuffled", 0.1, 9, 7)
