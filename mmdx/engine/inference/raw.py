"""The raw images of a study, files or arrays, as a source of what a model reads: decoded, or described by its first
stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Float32, Shaped

from mmdx.data.images.decode import Decoded, decode, fitted
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.loading.collate import Collate, item_of
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.loading.traits import Traits
from mmdx.data.store.kinds import ModalityFacts
from mmdx.engine.assembly.facts import InputFacts
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.scoring.descriptors import descriptors_of
from mmdx.errors import DataError
from mmdx.kinds import KINDS
from mmdx.study import ImageFiles, Order, Study, Unit


@dataclass(frozen=True)
class RawStudy:
    """A study out of raw files or arrays, decoded: a `StudySource` without labels and boxes.

    `images` are the items of each modality in the order that `orders` certify.
    """

    study: Study | ArrayStudy
    findings: Sequence[str]
    images: Mapping[str, Shaped[np.ndarray, "n *shape"]]
    orders: Mapping[str, Order]
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def study_id(self) -> str:
        return self.study.study_id

    @property
    def patient_id(self) -> str:
        return self.study.patient_id

    def items(self, modality: str) -> Shaped[np.ndarray, "n *shape"]:
        return self.images[modality]

    def text(self, modality: str) -> str | None:
        return self.texts.get(modality)

    def traits(self) -> Traits:
        return self.study.traits

    def labels(self) -> Float32[np.ndarray, " f"]:
        return np.full(len(self.findings), np.nan, dtype=np.float32)

    def slice_labels(self, modality: str) -> Float32[np.ndarray, "n f"]:
        return np.empty((0, len(self.findings)), dtype=np.float32)

    def spacing(self, modality: str) -> float | None:
        return self.orders[modality].spacing_mm

    def boxes(self) -> Sequence[Mapping[str, Any]]:
        return ()


def image_inputs(saved: SavedModel) -> list[str]:
    """The inputs that raw images can be given for: also descriptors that the model's first stage makes of them."""
    first = image_inputs(saved.first) if saved.first is not None else []
    kinds = {name: KINDS[facts.kind] for name, facts in saved.facts.inputs.items()}
    return [name for name, kind in kinds.items() if kind.pictured or (kind.sliced and name in first)]


def read_images(
    saved: SavedModel, study: Study | ArrayStudy, image: str | None
) -> tuple[RawStudy, dict[str, Sequence[Letterbox]]]:
    """The images of a study that the model reads, decoded or described by its first stage, and the letter-box of each
    image that was decoded for it."""
    items: dict[str, np.ndarray] = {}
    orders: dict[str, Order] = {}
    letterboxes: dict[str, Sequence[Letterbox]] = {}
    for name, value in _named(study, image).items():
        if isinstance(value, ImageFiles | ImageArrays) and name in image_inputs(saved):
            if KINDS[saved.facts.inputs[name].kind].pictured:
                decoded = _decoded(saved, name, value)
                items[name], letterboxes[name] = decoded.pixels, decoded.letterboxes
            else:
                items[name] = _descriptors(saved, study, name, value)
            orders[name] = value.order
    return RawStudy(study, saved.facts.findings, items, orders), letterboxes


def maker_of(saved: SavedModel, source: RawStudy, reading: Reading) -> SampleMaker:
    """How the model reads what a study has: as in training, but for what `reading` says."""
    kinds = {name: facts.kind for name, facts in saved.facts.inputs.items()}
    return SampleMaker(
        {name: kind for name, kind in kinds.items() if KINDS[kind].made or name in (*source.images, *source.texts)},
        findings=saved.facts.findings,
        tokenizers=saved.tokenizers,
        tables=saved.facts.tables(),
        reading=reading,
        reports=saved.config.data.reports,
    )


def _named(study: Study | ArrayStudy, image: str | None) -> Mapping[str, Any]:
    """A study's modalities under the model's names: one image modality of any name is taken for `image`."""
    images = [name for name, value in study.modalities.items() if isinstance(value, ImageFiles | ImageArrays)]
    if image is None or image in images or len(images) != 1:
        return study.modalities
    return {image if name == images[0] else name: value for name, value in study.modalities.items()}


def _decoded(saved: SavedModel, name: str, images: ImageFiles | ImageArrays) -> Decoded:
    facts = saved.facts.inputs[name]
    if images.unit != facts.unit:
        raise DataError(f"its images hold {images.unit}, but the model's '{name}' was trained on {facts.unit}")
    # Decoded whole, as a store has it: the grey levels of deep images hang on all images of the study.
    channels = cast(Literal[1, 3], facts.channels)
    if isinstance(images, ImageArrays):
        return fitted(images.pixels, images.unit, channels, saved.facts.size)
    return decode(replace(images, channels=channels), saved.facts.size)


def _descriptors(
    saved: SavedModel, study: Study | ArrayStudy, name: str, images: ImageFiles | ImageArrays
) -> Float32[np.ndarray, "n d"]:
    """What the first stage of a model says of the images of a study: of all of them, as when the second was trained."""
    first = saved.first
    if first is None:
        raise DataError(f"'{name}': the model has no first stage that could describe images")
    items = (
        _decoded(first, name, images).pixels
        if KINDS[first.facts.inputs[name].kind].pictured
        else _descriptors(first, study, name, images)
    )
    source = RawStudy(study, first.facts.findings, {name: items}, {name: images.order})
    alone = SampleMaker({name: first.facts.inputs[name].kind}, findings=first.facts.findings)(source)
    with torch.inference_mode():
        output = first.model(collate_of(first)([alone]).to(next(first.model.parameters()).device))
    return descriptors_of(first.model, output, name, logits=saved.facts.inputs[name].logits > 0).cpu().numpy()


def collate_of(saved: SavedModel) -> Collate:
    """How samples become a batch of this model."""
    tables, size = saved.facts.tables(), saved.facts.size
    inputs = saved.facts.inputs.items()
    return Collate({name: item_of(tables.get(name) or _stored(facts), size) for name, facts in inputs})


def _stored(facts: InputFacts) -> ModalityFacts:
    """How a store would hold an input."""
    unit = cast(Unit, facts.unit)
    return ModalityFacts(facts.kind, unit, facts.channels, facts.width, facts.logits, facts.details)
