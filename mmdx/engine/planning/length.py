"""How long a plan trains: epochs, folds and refits that fit into the minutes there are, and images in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.finals import final_of, settled
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.rules.inputs import image_inputs
from mmdx.engine.planning.rules.validation import FEWER_FOLDS, FOLDS, SPLIT, training_share
from mmdx.engine.planning.timing import Cost
from mmdx.schema import Config, FoldOptions
from mmdx.study import Split

EPOCHS_BY_STUDIES = ((2_000, 30), (5_000, 20), (20_000, 10))
"""Epochs for so many studies to train on at most; with more, `EPOCHS_OF_MANY`."""
EPOCHS_OF_MANY = 5
SHORTER = (1.0, 2 / 3, 1 / 2)
"""Shares of the epochs that are tried where time is short."""
FEWER_REFITS = 3
"""Models out of fold where time is short."""
TRAINING_OVERHEAD, FOLD_OVERHEAD = 2.0, 15.0
"""Seconds beside the steps that a training takes, and those of a fold for scores, baselines and its comparison."""
VALIDATION = 1.15
"""What validation adds to an epoch, as a factor."""
LEAST_SLICES, MOST_SLICES = 16, 256
"""Images in a batch of a trained encoder, at least and at most."""
KEPT_SHARE = 0.5
"""The share of the room for a training that its images may take; weights, optimizer and data take the rest."""
DESCRIPTORS = 400
"""Descriptors in a batch."""


@dataclass(frozen=True)
class Length:
    """How long a plan trains: `epochs`, `folds` (0: a split), the `refits` that are asked for in the place of those of
    `auto` (None: as auto says), the `minutes` that all of it takes, and whether they `fit`."""

    epochs: int
    folds: int
    refits: int | None
    minutes: float
    fits: bool


def usual_epochs(studies: float) -> int:
    """Epochs for so many studies to train on, where time is no matter."""
    return next((epochs for most, epochs in EPOCHS_BY_STUDIES if studies <= most), EPOCHS_OF_MANY)


def fitted_length(config: Config, cohort: Cohort, cost: Cost, *, folds: int, minutes: float, cores: int) -> Length:
    """The longest training that fits into `minutes`, else the shortest that there is.

    Refits go first, down to `FEWER_REFITS`, then epochs, then folds; a single refit comes last, for the validation
    studies of one split are too few to weigh the answers of a stack by (docs/planning.md).
    """
    once = _once(cohort, cost, cores)
    length = Length(1, folds, None, 0.0, fits=False)
    for epochs, count, refits in _rungs(config, cohort, folds):
        seconds = once + trained_seconds(config, cohort, cost, epochs=epochs, folds=count, refits=refits)
        length = Length(epochs, count, refits, seconds / 60, fits=seconds <= 60 * minutes)
        if length.fits:
            break
    return length


def trained_seconds(
    config: Config, cohort: Cohort, cost: Cost, *, epochs: int, folds: int, refits: int | None
) -> float:
    """Seconds of all trainings of a config, with the scores that follow each."""
    models = 1 + (auto_refits(config, cohort, folds) if refits is None else refits)
    studies = cohort.studies * training_share(folds, cohort)
    training = TRAINING_OVERHEAD + epochs * studies * cost.study * VALIDATION
    return max(1, folds) * (FOLD_OVERHEAD + models * training)


def auto_refits(config: Config, cohort: Cohort, folds: int) -> int:
    """Models out of fold that `train.final: auto` trains beside the one that stays, in each of `folds` (0: a split)."""
    count = round(cohort.patients * (1 - 1 / folds)) if folds else cohort.patients - cohort.splits.get("test", 0)
    share = FoldOptions().val if folds else SPLIT.val
    validating = cohort.splits.get("val") or round(share * count)
    words: tuple[Split, ...] = ("val",) * validating + ("train",) * (count - validating)
    return final_of(settled(config, Splits(words, tuple(str(number) for number in range(count))))).folds


def slice_budget(config: Config, cohort: Cohort, cost: Cost, room: int) -> tuple[int, int | None]:
    """Images in a batch that memory has room for, and how many of a study are kept (None: all)."""
    held = [*cohort.pictures.values(), *cohort.vectors.values()]
    longest = sum(items.longest for items in held)
    if config.first is not None or not cohort.pictures:
        return max(DESCRIPTORS, longest), None
    fitting = int(KEPT_SHARE * room / max(1, cost.slice_bytes))
    budget = min(MOST_SLICES, max(LEAST_SLICES, 1 << max(0, fitting.bit_length() - 1)))
    if longest <= budget:
        return budget, None
    return budget, max(1, budget // max(1, len(cohort.pictures)))


def _once(cohort: Cohort, cost: Cost, cores: int) -> float:
    """Seconds of what is done once: images are decoded, on all cores, and encoded."""
    decoded = sum(pictures.total * pictures.pixels.seconds for pictures in cohort.pictures.values()) / cores
    return decoded + cost.encode * sum(item.pictures.total for item in image_inputs(cohort))


def _rungs(config: Config, cohort: Cohort, folds: int) -> Iterator[tuple[int, int, int | None]]:
    """Epochs, folds and refits, from the longest training to the shortest."""
    usual = usual_epochs(cohort.studies * training_share(folds, cohort))
    yield usual, folds, None
    several = auto_refits(config, cohort, folds) > FEWER_REFITS
    few = FEWER_REFITS if several else None
    for share in SHORTER:
        yield max(1, round(usual * share)), folds, few
    shortest, fewest = max(1, round(usual * SHORTER[-1])), FEWER_FOLDS if folds == FOLDS else folds
    if fewest != folds:
        yield shortest, fewest, few
    if several:
        yield shortest, fewest, 1
