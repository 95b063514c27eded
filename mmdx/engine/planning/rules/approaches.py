"""Ways to read the images of a cohort, the best first: with which encoder, frozen or trained, and how large."""

from __future__ import annotations

from dataclasses import dataclass

from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.facts.machine import ImageWeights, Machine
from mmdx.schema import DataConfig

SMALL = 1000
"""Patients up to which a frozen encoder is taken where there is one.

Measured on 54, where training it bought nothing for ten times the time (docs/recipe.md); not measured on many more.
"""
LARGEST = 224
"""The largest side of a stored image in pixels: what encoders of photographs were trained at."""
SMALLEST = 32
"""The side below which an encoder that halves images five times has nothing left to see."""
SIDES = (224, 160, 112, 64)
"""Sides to which images are made smaller where time is short."""
DETAILED = 112
"""The side of source images in pixels, half of `LARGEST`, from which an encoder of photographs finds in them what it
knows: on the phantom's of 96 a small encoder that is trained does better."""
TINY, USUAL = "test_resnet", "resnet18"
"""Encoders that start at random: timm's smallest for a CPU, and one for a GPU."""


@dataclass(frozen=True)
class Approach:
    """One way to read images.

    The timm `encoder` (empty without images), its `weights` (None: random), whether it stays `frozen`, the `size` of a
    stored image in pixels, and why.
    """

    encoder: str
    weights: ImageWeights | None
    frozen: bool
    size: int
    reason: str

    @property
    def trained(self) -> bool:
        """Whether an encoder of images learns."""
        return bool(self.encoder) and not self.frozen


def side_of(cohort: Cohort) -> int:
    """The side of a stored image in pixels that the images of a cohort are worth."""
    side = max((pictures.pixels.side for pictures in cohort.pictures.values()), default=LARGEST)
    return min(LARGEST, max(SMALLEST, side))


def approaches(cohort: Cohort, machine: Machine) -> tuple[Approach, ...]:
    """The ways to read the images of a cohort on this machine, best first; the first that fits is taken."""
    if not cohort.pictures:
        return (Approach("", None, frozen=False, size=DataConfig.model_fields["size"].default, reason=""),)
    weights = machine.image_weights[0] if machine.image_weights else None
    scratch = _from_random(cohort, machine)
    if weights is None:
        return scratch
    side, patients = side_of(cohort), f"{cohort.patients} patients"
    frozen = Approach(
        weights.name,
        weights,
        frozen=True,
        size=side,
        reason=f"Pretrained and frozen, so that each image is encoded once: on {patients} a small model of its "
        "descriptors is as good as a trained encoder, at a tenth of the time (docs/recipe.md).",
    )
    if side < DETAILED:
        return (*scratch, frozen)
    if cohort.patients <= SMALL:
        return (frozen,)
    learning = Approach(
        weights.name,
        weights,
        frozen=False,
        size=side,
        reason=f"Pretrained and trained on: {patients} teach an encoder of images.",
    )
    hurried = f"{patients} would teach an encoder of images, but not in the minutes that there are: it stays frozen, "
    late = Approach(weights.name, weights, True, side, hurried + "and each image is encoded once.")
    return (learning, late)


def _from_random(cohort: Cohort, machine: Machine) -> tuple[Approach, ...]:
    """An encoder that starts at random, at the size of the images and at smaller ones."""
    side = side_of(cohort)
    name = USUAL if machine.gpu else TINY
    where = f"on the GPU ({machine.gpu})" if machine.gpu else "without a GPU timm's smallest"
    why = (
        "no pretrained weights are installed"
        if side >= DETAILED or not machine.image_weights
        else (f"images of {side} pixels show little of what encoders of photographs know")
    )
    sides = [side, *(smaller for smaller in SIDES if smaller < side)]
    return tuple(
        Approach(name, None, False, size, f"Trained from random weights, for {why}; {where}.") for size in sides
    )
