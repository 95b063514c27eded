"""How each modality is read: views, encoders and sequence models of images and descriptors, and encoders of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort, Items, Pictures
from mmdx.engine.planning.facts.machine import Machine
from mmdx.engine.planning.rules.approaches import Approach
from mmdx.engine.planning.rules.texts import text_choice

WINDOWS: Mapping[str, tuple[str, list[list[int]]]] = {
    "head": ("a head: brain, subdural and soft tissue", [[40, 80], [80, 200], [40, 380]]),
    "chest": ("a chest: lung, soft tissue and bone", [[-600, 1500], [40, 400], [300, 1500]]),
    "body": ("a trunk: soft tissue, liver and bone", [[40, 400], [60, 160], [300, 1500]]),
}
"""By the region that a CT shows, in words, its windows as `[centre, width]` in Hounsfield units."""
BONE = [600, 2800]
"""The window that takes the place of the last one where a fracture is looked for."""
FRACTURE = "fracture"
COMPONENTS, ITEMS_PER_COMPONENT, FEWEST_COMPONENTS = 120, 5, 20
"""Principal components that are kept of a descriptor, items of the whole cohort that each asks for, and the least."""
FEW_VIEWS = 4
"""Images of a study, in the median, up to which those in no order are views rather than slices."""
STACK = "stacked"
"""The name of the input that is made of modalities which show the same slices."""


@dataclass(frozen=True)
class ImageInput:
    """One input of images: its name, the modalities that it is made of, and what they hold."""

    name: str
    parts: tuple[str, ...]
    pictures: Pictures

    @property
    def stacked(self) -> bool:
        return len(self.parts) > 1


def image_inputs(cohort: Cohort) -> list[ImageInput]:
    """The inputs of images: each modality by itself, but for two that show the same slices, which become one."""
    names = list(cohort.pictures)
    if cohort.aligned and len(names) == 2 and STACK not in names:
        return [ImageInput(STACK, cohort.aligned[0], cohort.pictures[cohort.aligned[0][0]])]
    return [ImageInput(name, (name,), cohort.pictures[name]) for name in names]


def input_names(cohort: Cohort) -> list[str]:
    """All inputs of the model, in its order."""
    return [*(item.name for item in image_inputs(cohort)), *cohort.vectors, *cohort.reports]


def input_choices(cohort: Cohort, machine: Machine, approach: Approach) -> Iterator[Choice]:
    """The inputs of the model, and the first stage that describes images where their encoder stays frozen."""
    images = image_inputs(cohort)
    for item in images:
        if item.stacked:
            shown = " and ".join(item.parts)
            reason = f"{shown} show the same slices, so one encoder sees them together, as channels."
            yield Choice(f"data.stacks.{item.name}", list(item.parts), reason)
    if approach.frozen and images:
        yield Choice("first.folds", None, "Nothing of the first stage is trained, so it needs no folds of its own.")
        for item in images:
            yield from _pixels_read(f"first.model.inputs.{item.name}", item, cohort, approach)
            yield Choice(
                f"first.model.inputs.{item.name}.sequence",
                "mean",
                "The first stage leaves descriptors; nothing reads this.",
            )
    for item in images:
        place = f"model.inputs.{item.name}"
        if approach.frozen:
            yield from _descriptors_read(place, item.pictures)
        else:
            yield from _pixels_read(place, item, cohort, approach)
            yield _augmented(place, item.pictures)
        yield _sequence(place, item.pictures, regularised=approach.frozen)
    for name, vectors in cohort.vectors.items():
        place = f"model.inputs.{name}"
        yield Choice(
            f"{place}.encoder",
            {"type": "mlp", "hidden": 128, "dropout": 0.25},
            f"{vectors.studies} studies have descriptors of {vectors.width} values: a hidden layer on each.",
        )
        yield _sequence(place, vectors, regularised=False)
    for name, reports in cohort.reports.items():
        yield text_choice(f"model.inputs.{name}.encoder", reports, machine)


def _pixels_read(place: str, item: ImageInput, cohort: Cohort, approach: Approach) -> Iterator[Choice]:
    """View and encoder of an input that is read from its pixels."""
    view, reason = _view(item, cohort, pretrained=approach.weights is not None)
    if view is not None:
        yield Choice(f"{place}.view", view, reason)
    encoder: dict[str, Any] = {"type": "timm", "name": approach.encoder}
    if approach.weights is not None:
        encoder["pretrained"] = approach.weights.source
    if approach.frozen:
        encoder["frozen"] = True
    yield Choice(f"{place}.encoder", encoder, approach.reason)


def _view(item: ImageInput, cohort: Cohort, *, pretrained: bool) -> tuple[Any, str]:
    """What of its pixels an encoder sees, and why; None where the default of the input says it."""
    pictures = item.pictures
    if pictures.unit == "HU":
        region, windows = WINDOWS[pictures.pixels.region or "head"]
        if any(FRACTURE in finding.lower() for finding in cohort.labels):
            windows, region = [*windows[:-1], BONE], f"{region.rpartition(' and ')[0]}, and bone for fractures"
        return {"type": "windows", "windows": windows}, f"Hounsfield units of {region}."
    if item.stacked:
        return {
            "type": "stacked",
            "channels": 3,
        }, "Each picture of a slice as a channel, the first twice: three in all."
    if pictures.channels == 3:
        return "rgb", "Images in colour."
    if pretrained:
        return {"type": "grey", "channels": 3}, "Grey images stand three times, as the pretrained weights expect them."
    return None, ""


def _descriptors_read(place: str, pictures: Pictures) -> Iterator[Choice]:
    """What reads the descriptors that a frozen encoder leaves."""
    components = min(COMPONENTS, pictures.total // ITEMS_PER_COMPONENT // 10 * 10)
    if components >= FEWEST_COMPONENTS:
        reason = (
            f"The main components of the descriptors of {pictures.total} images; the rest is noise to so few patients."
        )
        yield Choice(f"{place}.select", {"type": "pca", "components": components}, reason)
    else:
        components = 0
    encoder = {"type": "mlp", "hidden": 64, "norm": not components, "activation": "relu"}
    dropped = {"input_dropout": 0.5, "dropout": 0.0}
    reason = "A small layer, of whose values half are dropped: what won on small cohorts (docs/recipe.md)."
    yield Choice(f"{place}.encoder", encoder | dropped, reason)


def _sequence(place: str, items: Items, *, regularised: bool) -> Choice:
    """What joins the items of a study."""
    key = f"{place}.sequence"
    if items.longest == 1:
        return Choice(key, "mean", "One item per study: there is nothing to put in a sequence.")
    if items.ordered >= 0.5:
        size = {"hidden": 64} if regularised else {}
        value = {"type": "lstm", **size, "bidirectional": True, "answer": "max", "dropout": 0.5 if regularised else 0.2}
        return Choice(
            key,
            value,
            f"Slices in a known order, {items.middle} in the median study: each is seen among its neighbours.",
        )
    if items.middle <= FEW_VIEWS:
        return Choice(key, "mean", f"{items.middle} in the median study, in no order that is known: their mean.")
    return Choice(
        key, {"type": "attention", "dropout": 0.1}, "No order is known: attention, which takes them as a set."
    )


def _augmented(place: str, pictures: Pictures) -> Choice:
    """How training images are varied."""
    moved = {"degrees": 10, "shift": 0.05, "zoom": 0.1, "contrast": 0.1}
    if pictures.unit == "HU" and pictures.pixels.region == "head":
        return Choice(f"{place}.augment", {"flip": 0.5, **moved}, "Small movements; a head may be mirrored.")
    if pictures.channels == 3 and pictures.longest == 1:
        reason = "Photographs of one spot have no fixed way up: turned and mirrored."
        return Choice(f"{place}.augment", {"flip": 0.5, **moved, "degrees": 90}, reason)
    return Choice(f"{place}.augment", moved, "Small movements, and no mirror image: the heart is on the left.")
