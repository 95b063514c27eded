"""How a plan is trained: epochs, rate, batches and the model that stays, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.facts.machine import Machine
from mmdx.engine.planning.length import Length
from mmdx.engine.planning.rules.approaches import TINY, Approach
from mmdx.engine.planning.timing import Cost

STUDIES_BY_PATIENTS = ((200, 4), (1000, 8))
"""Studies of a batch for so many patients at most; with more, `STUDIES_OF_MANY`."""
STUDIES_OF_MANY = 16
FAST, SLOW = 0.002, 0.0003
"""Learning rates: of small models and descriptors, and of an encoder of usual size."""
MOST_WORKERS = 4


def schedule_choices(
    cohort: Cohort, machine: Machine, approach: Approach, length: Length, cost: Cost, budget: tuple[int, int | None]
) -> Iterator[Choice]:
    """The section `train`, and how many images of a study are kept where memory has no room for all."""
    yield Choice("train.epochs", length.epochs, _epochs_reason(approach, length, cost))
    slow = approach.trained and approach.encoder != TINY
    why = "An encoder of this size wants small steps." if slow else "What learns is small, and bears large steps."
    yield Choice("train.lr", SLOW if slow else FAST, why)
    studies = next((count for most, count in STUDIES_BY_PATIENTS if cohort.patients <= most), STUDIES_OF_MANY)
    yield Choice(
        "train.studies", studies, f"Of {cohort.patients} patients; small batches make more steps of few studies."
    )
    yield from _batch_choices(cohort, machine, approach, cost, budget)
    if length.refits is None:
        yield Choice("train.final", "auto", "What suits the number of patients (docs/recipe.md).")
    else:
        models = f"{length.refits} model{'s' if length.refits > 1 else ''}"
        reason = f"As auto would, but with {models} out of fold instead of more, for the time."
        yield Choice("train.final", {"type": "refit", "folds": length.refits}, reason)
    if machine.gpu and approach.trained:
        yield Choice("train.precision", "bf16", f"{machine.gpu} computes faster so, and nothing is lost that counts.")
        yield Choice("train.workers", min(MOST_WORKERS, machine.cores), "Studies are read while the GPU computes.")


def _epochs_reason(approach: Approach, length: Length, cost: Cost) -> str:
    timed = f"{cost.study:.2g} s for a study in a step"
    timed += f", {cost.encode:.2g} s for an image that the frozen encoder sees once" if approach.frozen else ""
    took = f"about {length.minutes:.2g} minutes for all" if length.minutes >= 1 else "less than a minute for all"
    return f"Timed here: {timed}; {took}."


def _batch_choices(
    cohort: Cohort, machine: Machine, approach: Approach, cost: Cost, budget: tuple[int, int | None]
) -> Iterator[Choice]:
    slices, kept = budget
    if not cohort.pictures and not cohort.vectors:
        return
    if approach.trained:
        memory = f"{machine.room / 2**30:.0f} GiB of {'the GPU' if machine.gpu else 'memory'}"
        reason = f"A step keeps {cost.slice_bytes / 2**20:.2g} MiB for each image; {memory} have room for these."
    else:
        reason = "Descriptors take little memory; what bounds a batch is its studies."
    yield Choice("train.slices", slices, reason)
    if kept is not None:
        longest = max(pictures.longest for pictures in cohort.pictures.values())
        yield Choice("data.max_images", kept, f"The longest study has {longest} images, for which memory has no room.")
