"""The raw images of a study, files or arrays, as a source of what a model reads: decoded, or described by its first
stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Float32, Shaped

from mmdx.data.images.decode import Decoded, decode, fitted
from mmdx.data.loading.collate import Collate, item_of
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.loading.traits import Traits
from mmdx.data.store.stacks import difference
from mmdx.engine.assembly.facts import stored_facts
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.scoring.descriptors import descriptors_of, joining
from mmdx.errors import DataError
from mmdx.kinds import KINDS
from mmdx.study import ImageFiles, Order, Study

Images = ImageFiles | ImageArrays


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


class Pictures:
    """The raw images of one study as models read them; what several read alike is made once."""

    def __init__(self, study: Study | ArrayStudy) -> None:
        self.study = study
        self._decoded: dict[tuple[object, ...], Decoded] = {}
        self._described: dict[tuple[object, ...], Float32[np.ndarray, "n d"]] = {}

    def decoded(self, saved: SavedModel, name: str, parts: Mapping[str, Images]) -> Decoded:
        """The images of one input, and the letter-boxes and range of greys of its first modality."""
        facts = saved.facts.inputs[name]
        form = (name, facts.unit, facts.channels, facts.details, saved.facts.size)
        if form not in self._decoded:
            self._decoded[form] = _decoded(saved, name, parts)
        return self._decoded[form]

    def described(self, saved: SavedModel, name: str, parts: Mapping[str, Images]) -> Float32[np.ndarray, "n d"]:
        """What the first stage of a model says of the images of one input: of all of them, as when the second was
        trained. Members of an ensemble that stand on one first stage share it."""
        first, logits = saved.first, saved.facts.inputs[name].logits > 0
        if first is None:
            raise DataError(f"'{name}': the model has no first stage that could describe images")
        form = (name, saved.facts.first, logits)
        if form not in self._described:
            described = [self._described_by(member, name, parts, logits=logits) for member in first.members]
            self._described[form] = joining(first, name, logits=logits)(described)
        return self._described[form]

    def _described_by(
        self, first: SavedModel, name: str, parts: Mapping[str, Images], *, logits: bool
    ) -> Float32[np.ndarray, "n d"]:
        pictured = KINDS[first.facts.inputs[name].kind].pictured
        items = self.decoded(first, name, parts).pixels if pictured else self.described(first, name, parts)
        source = RawStudy(self.study, first.facts.findings, {name: items}, {name: _order(parts)})
        alone = SampleMaker({name: first.facts.inputs[name].kind}, findings=first.facts.findings)(source)
        with torch.inference_mode():
            output = first.model(collate_of(first)([alone]).to(next(first.model.parameters()).device))
        return descriptors_of(first.model, output, name, logits=logits).cpu().numpy()


def image_inputs(saved: SavedModel) -> list[str]:
    """The inputs that raw images can be given for: also descriptors that the model's first stage makes of them."""
    first = image_inputs(saved.first) if saved.first is not None else []
    kinds = {name: KINDS[facts.kind] for name, facts in saved.facts.inputs.items()}
    return [name for name, kind in kinds.items() if kind.pictured or (kind.sliced and name in first)]


def image_names(saved: SavedModel) -> list[str]:
    """The names under which raw images are given: those of `image_inputs`, of a stack those of its modalities."""
    stacks = saved.config.data.stacks
    return list(dict.fromkeys(part for name in image_inputs(saved) for part in stacks.get(name, (name,))))


def lacking_parts(saved: SavedModel, study: Study | ArrayStudy) -> list[str]:
    """One sentence per stack that the model reads, and that the study has images for, but not all of them."""
    images = [name for name, value in study.modalities.items() if isinstance(value, ImageFiles | ImageArrays)]
    strange, lines = set(images) - set(image_names(saved)), []
    for name, parts in saved.config.data.stacks.items():
        lacking = [part for part in parts if part not in images]
        if name in image_inputs(saved) and lacking and (strange or len(lacking) < len(parts)):
            lines.append(
                f"'{name}' is made of {' and '.join(parts)}: the study lacks {' and '.join(lacking)}; give each"
            )
    return lines


def read_images(saved: SavedModel, pictures: Pictures, image: str | None) -> tuple[RawStudy, dict[str, Decoded]]:
    """The images of a study that the model reads, decoded or described by its first stage, and those that were decoded
    for it, by input."""
    study = pictures.study
    items: dict[str, np.ndarray] = {}
    orders: dict[str, Order] = {}
    pictured: dict[str, Decoded] = {}
    for name, parts in images_of(saved, study, image).items():
        if KINDS[saved.facts.inputs[name].kind].pictured:
            pictured[name] = pictures.decoded(saved, name, parts)
            items[name] = pictured[name].pixels
        else:
            items[name] = pictures.described(saved, name, parts)
        orders[name] = _order(parts)
    return RawStudy(study, saved.facts.findings, items, orders), pictured


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


def images_of(saved: SavedModel, study: Study | ArrayStudy, image: str | None) -> dict[str, Mapping[str, Images]]:
    """By input, the images that it is read from: those of its own name, or of each modality of its stack."""
    stacks, inputs = saved.config.data.stacks, image_inputs(saved)
    named = _named(study, None if image in stacks else image)
    images: dict[str, Images] = {n: v for n, v in named.items() if isinstance(v, ImageFiles | ImageArrays)}
    plain: dict[str, Mapping[str, Images]] = {
        name: {name: value} for name, value in images.items() if name in inputs and name not in stacks
    }
    made = {name: parts for name, parts in stacks.items() if name in inputs and set(parts) <= set(images)}
    return plain | {name: {part: images[part] for part in parts} for name, parts in made.items()}


def _order(parts: Mapping[str, Images]) -> Order:
    """The certificate of an input: of a stack that of its first modality, unless nobody knows that of another."""
    orders = [images.order for images in parts.values()]
    return next((order for order in orders if order.source == "unknown"), orders[0])


def _named(study: Study | ArrayStudy, image: str | None) -> Mapping[str, Any]:
    """A study's modalities under the model's names: one image modality of any name is taken for `image`."""
    images = [name for name, value in study.modalities.items() if isinstance(value, ImageFiles | ImageArrays)]
    if image is None or image in images or len(images) != 1:
        return study.modalities
    return {image if name == images[0] else name: value for name, value in study.modalities.items()}


def _decoded(saved: SavedModel, name: str, parts: Mapping[str, Images]) -> Decoded:
    """The images of an input, and the letter-boxes and range of greys of its first modality."""
    decoded = [_decoded_part(saved, name, part, images) for part, images in parts.items()]
    if len(decoded) == 1:
        return decoded[0]
    counts = {part: len(images.pixels) for part, images in zip(parts, decoded, strict=True)}
    what = difference(counts, {part: asdict(images.order) for part, images in parts.items()})
    if what is not None:
        raise DataError(f"'{name}': not of the same slices ({what}); give the images of one exam")
    first, flat = decoded[0], {place for images in decoded for place in images.flat}
    pixels = np.concatenate([images.pixels for images in decoded], axis=1)
    return Decoded(pixels, first.letterboxes, first.grey_range, tuple(sorted(flat)))


def _decoded_part(saved: SavedModel, name: str, part: str, images: Images) -> Decoded:
    facts = saved.facts.inputs[name]
    if images.unit != facts.unit:
        raise DataError(f"its images hold {images.unit}, but the model's '{name}' was trained on {facts.unit}")
    # Decoded whole, as a store has it: the grey levels of deep images hang on all images of the study.
    channels = cast(Literal[1, 3], dict(facts.details).get(part, facts.channels))
    if isinstance(images, ImageArrays):
        return fitted(images.pixels, images.unit, channels, saved.facts.size)
    return decode(replace(images, channels=channels), saved.facts.size)


def collate_of(saved: SavedModel) -> Collate:
    """How samples become a batch of this model."""
    tables, size = saved.facts.tables(), saved.facts.size
    inputs = saved.facts.inputs.items()
    return Collate({name: item_of(tables.get(name) or stored_facts(facts), size) for name, facts in inputs})
