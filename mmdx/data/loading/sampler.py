"""Batches by a budget of images, so that memory is bounded whatever a study's length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from torch.utils.data import Sampler

from mmdx.errors import DataError

Unit = Literal["slices", "studies"]


class SliceBudgetSampler(Sampler[list[int]]):
    """Packs studies into batches of at most `slices` images and `studies` studies; each process takes its share.

    Order depends on `seed` and the epoch alone, so every process draws the same batches and takes each `world`-th one,
    and a resumed run sees what the killed one would have. With `shuffle`, batches wrap around until every process has
    equally many (under distributed training none may stop early); without, each study comes exactly once over all
    processes, in order. A study longer than the budget is refused when shuffling (it would not fit in memory for
    training) and stands alone otherwise. Yields positions in `lengths`.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        *,
        slices: int,
        studies: int,
        shuffle: bool,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        longest = max(lengths, default=0)
        if shuffle and longest > slices:
            raise DataError(
                f"a study has {longest} images, more than a batch may hold ({slices}); raise train.slices, or set "
                "data.max_images to keep that many evenly spaced ones"
            )
        self._lengths = list(lengths)
        self._slices, self._studies = slices, studies
        self._shuffle, self._seed = shuffle, seed
        self._rank, self._world = rank, world
        self._epoch, self._skip = 0, 0
        self._factors = np.ones(len(lengths))
        self._drawn: tuple[int, list[list[int]]] | None = None
        self._unit: Unit = "slices" if longest else "studies"

    def repeat(self, factors: Float[np.ndarray, " n"]) -> None:
        """How often each study comes in an epoch, 1 or more, where `shuffle` says so: 2.25 is twice, and thrice in a
        quarter of the epochs, which are drawn as the order is."""
        self._factors, self._drawn = factors, None

    def set_epoch(self, epoch: int, *, skip: int = 0) -> None:
        """The epoch to draw next, without its first `skip` batches of this process (a resumed run has seen them)."""
        self._epoch, self._skip = epoch, skip

    def __len__(self) -> int:
        """Batches of this process in the present epoch, skipped ones included."""
        return len(self._mine())

    def __iter__(self) -> Iterator[list[int]]:
        yield from self._mine()[self._skip :]

    def amount(self, batches: slice = slice(None)) -> tuple[int, Unit]:
        """How many images these batches of the present epoch hold over all processes, about, as many as this one's;
        where studies have none, how many studies."""
        chosen = [position for batch in self._mine()[batches] for position in batch]
        here = sum(self._lengths[position] for position in chosen) if self._unit == "slices" else len(chosen)
        return here * self._world, self._unit

    def _mine(self) -> list[list[int]]:
        """The batches of this process in the present epoch, drawn once: a loop asks for their number at every step."""
        if self._drawn is None or self._drawn[0] != self._epoch:
            batches = self._batches()
            if self._shuffle and batches:
                short = -len(batches) % self._world
                batches += [batches[i % len(batches)] for i in range(short)]
            self._drawn = self._epoch, batches[self._rank :: self._world]
        return self._drawn[1]

    def _batches(self) -> list[list[int]]:
        order = np.arange(len(self._lengths))
        if self._shuffle:
            rng = np.random.default_rng([self._seed, self._epoch])
            if (self._factors > 1).any():
                order = np.repeat(order, (self._factors + rng.random(len(order))).astype(int))
            rng.shuffle(order)
        batches: list[list[int]] = []
        room = 0
        for position in order.tolist():
            length = self._lengths[position]
            if not batches or length > room or len(batches[-1]) == self._studies:
                batches.append([])
                room = self._slices
            batches[-1].append(position)
            room -= length
        return batches


def repeat_factors(labels: Float[np.ndarray, "n f"], share: float) -> Float[np.ndarray, " n"]:
    """How often each study should come in an epoch: the square root of `share` / p for the rarest finding that it is
    positive for, p being the share of positives among the known labels of that finding; 1 at least.

    Repeat factor sampling (Gupta et al. 2019, LVIS).
    """
    positive, known = labels == 1, ~np.isnan(labels)
    rates = positive.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    rarest = np.where(positive, rates, 1.0).min(axis=1, initial=1.0)
    return np.sqrt(np.maximum(share / rarest, 1.0))
