"""Every study once, never more images than the budget, and the same order for whoever draws it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmdx.data.loading.sampler import SliceBudgetSampler, repeat_factors
from mmdx.errors import DataError

LENGTHS = [3, 1, 0, 5, 2, 2, 4, 1, 1, 3, 0, 6, 2]


def sampler(lengths: list[int] = LENGTHS, **options: Any) -> SliceBudgetSampler:
    return SliceBudgetSampler(lengths, **{"slices": 6, "studies": 4, "shuffle": True, **options})


def drawn(epoch: int = 0, skip: int = 0, **options: Any) -> list[list[int]]:
    drawer = sampler(**options)
    drawer.set_epoch(epoch, skip=skip)
    return list(drawer)


@pytest.mark.parametrize("world", [1, 2, 3, 9])
def test_without_shuffle_every_study_comes_once_and_in_order(world: int) -> None:
    shares = [drawn(shuffle=False, rank=rank, world=world) for rank in range(world)]
    rounds = [share[i] for i in range(max(map(len, shares))) for share in shares if i < len(share)]
    assert [position for batch in rounds for position in batch] == list(range(len(LENGTHS)))


@pytest.mark.parametrize("world", [1, 2, 3, 9])
def test_with_shuffle_all_processes_have_equally_many_batches_and_miss_nothing(world: int) -> None:
    shares = [drawn(rank=rank, world=world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert {position for share in shares for batch in share for position in batch} == set(range(len(LENGTHS)))
    assert [len(sampler(rank=rank, world=world)) for rank in range(world)] == [len(share) for share in shares]


@pytest.mark.parametrize("epoch", range(20))
def test_no_batch_is_over_the_budget(epoch: int) -> None:
    for batch in drawn(epoch):
        assert sum(LENGTHS[position] for position in batch) <= 6
        assert 1 <= len(batch) <= 4


def test_alone_every_study_comes_once_an_epoch() -> None:
    assert sorted(position for batch in drawn(3) for position in batch) == list(range(len(LENGTHS)))


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_a_resumed_epoch_is_the_rest_of_the_whole_one(skip: int, world: int) -> None:
    assert drawn(5, skip, rank=world - 1, world=world) == drawn(5, rank=world - 1, world=world)[skip:]


def test_the_next_epoch_skips_nothing() -> None:
    drawer = sampler()
    drawer.set_epoch(0, skip=2)
    drawer.set_epoch(1)
    assert list(drawer) == drawn(1)


def test_order_is_a_matter_of_seed_and_epoch_alone() -> None:
    assert drawn(1, seed=7) == drawn(1, seed=7)
    assert drawn(1, seed=7) != drawn(2, seed=7)
    assert drawn(1, seed=7) != drawn(1, seed=8)
    assert drawn(0, shuffle=False) == drawn(1, shuffle=False, seed=8)


def test_a_study_longer_than_the_budget_is_refused_in_training() -> None:
    with pytest.raises(DataError, match=r"a study has 7 images, more than a batch may hold \(6\).*train.slices"):
        sampler([1, 7, 1])


def test_a_study_longer_than_the_budget_stands_alone_in_scoring() -> None:
    assert drawn(lengths=[1, 7, 1], shuffle=False) == [[0], [1], [2]]


def test_studies_without_images_are_bounded_by_their_number() -> None:
    assert drawn(lengths=[0] * 6, shuffle=False) == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize("shuffle", [True, False])
def test_no_study_makes_no_batch(shuffle: bool) -> None:
    assert drawn(lengths=[], shuffle=shuffle, world=2) == []


def test_rare_findings_repeat_their_studies() -> None:
    """One of ten studies has the rare finding, five the other: by 0.4 the first comes sqrt(4) times."""
    labels = np.zeros((10, 2))
    labels[0, 0] = labels[:5, 1] = 1
    assert repeat_factors(labels, 0.4).tolist() == [2.0] + [1.0] * 9
    # Of four known labels one is positive: 0.25, and 1 / 0.25 by a share of 1.
    labels[4:, 0] = np.nan
    assert repeat_factors(labels[:, :1], 1.0).tolist() == [2.0] + [1.0] * 9
    assert repeat_factors(np.full((3, 2), np.nan), 0.4).tolist() == [1.0, 1.0, 1.0]


def counts(epoch: int, **options: Any) -> list[int]:
    """How often each of three studies comes, of which one is to come 1.5 times and one thrice."""
    drawer = sampler([1, 1, 1], **options)
    drawer.repeat(np.array([1.0, 1.5, 3.0]))
    drawer.set_epoch(epoch)
    return np.bincount([position for batch in drawer for position in batch], minlength=3).tolist()


def test_each_study_comes_as_often_as_asked_in_the_mean_and_once_at_least() -> None:
    drawn_counts = np.array([counts(epoch) for epoch in range(200)])
    assert set(drawn_counts[:, 0]) == {1}
    assert set(drawn_counts[:, 1]) == {1, 2}
    assert set(drawn_counts[:, 2]) == {3}
    assert drawn_counts[:, 1].mean() == pytest.approx(1.5, abs=0.1)
    assert counts(7) == counts(7)
    assert counts(7, shuffle=False) == [1, 1, 1]


def test_a_resumed_epoch_repeats_the_same_studies() -> None:
    draws = []
    for skip in (0, 1):
        drawer = sampler()
        drawer.repeat(np.full(len(LENGTHS), 1.5))
        drawer.set_epoch(3, skip=skip)
        draws.append((list(drawer), len(drawer)))
    assert draws[1][0] == draws[0][0][1:]
    assert draws[0][1] == draws[1][1]


def test_what_batches_hold_is_counted_in_images_or_in_studies_without_any() -> None:
    drawer = sampler()
    drawer.set_epoch(3)
    batches = list(drawer)
    assert drawer.amount() == (sum(LENGTHS), "slices")
    assert drawer.amount(slice(1, 3)) == (sum(LENGTHS[place] for batch in batches[1:3] for place in batch), "slices")
    assert sampler([0] * 7).amount() == (7, "studies")
    assert sampler([2] * 8, slices=2, rank=1, world=2).amount() == (16, "slices")  # those of both processes
