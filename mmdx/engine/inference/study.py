"""A study as what a model reads: its images, texts and traits, alone in a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from mmdx.batch import Batch
from mmdx.data.images.decode import GreyRange, flat_problems
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.loading.reading import Reading
from mmdx.data.text.missing import LEFT_OUT, says_nothing
from mmdx.data.text.redaction import redacted, withheld
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.raw import Pictures, collate_of, image_inputs, lacking_parts, maker_of, read_images
from mmdx.engine.scoring.orders import minding
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.study import Study

MOSTLY = 0.5
"""The share of unknown words from which the answer to a text stands on little of it."""


@dataclass(frozen=True)
class ReadStudy:
    """A study as a model reads it, alone in its batch.

    `orders` is the evidence that its images stand in order, `letterboxes` how the source of each image lies in it,
    `grey_ranges` the values that are black and white in deep images, all by input; `problems` are sentences that a
    person should know.
    """

    batch: Batch
    orders: Mapping[str, str]
    letterboxes: Mapping[str, Sequence[Letterbox]]
    grey_ranges: Mapping[str, GreyRange | None]
    problems: Sequence[str]

    @property
    def shown(self) -> tuple[str, ...]:
        """The inputs that the study has something for."""
        return tuple(name for name in self.batch.inputs if bool(self.batch.present(name)[0]))


def read_by_members(
    saved: SavedModel,
    study: Study | ArrayStudy,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    pictures: Pictures | None = None,
) -> Iterator[tuple[SavedModel, ReadStudy]]:
    """Each member of a model, with a study as `read_study` reads it for this member: a model alone is its only one."""
    pictures = pictures or Pictures(study)
    for member in saved.members:
        yield member, read_study(member, study, reports=reports, modality=modality, pictures=pictures)


def read_study(
    saved: SavedModel,
    study: Study | ArrayStudy,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    pictures: Pictures | None = None,
) -> ReadStudy:
    """A study as one model reads it. `reports`, by text input, are read in place of its own texts; `modality` is the
    input that its images are for, where it has images of one modality and the model reads several; `pictures` are those
    of the study, where another model has read it before.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit.
    """
    source, pictured = read_images(saved, pictures or Pictures(study), image_input(saved, modality))
    texts, unread = _texts(saved, study, reports or {})
    source = replace(source, texts=texts)
    # Leaving images out is an experiment on a cohort: an answer for one study is given from all of them.
    reading = replace(Reading.of(saved.config.data, saved.config.seed), dropped=0.0)
    sample = maker_of(saved, source, reading)(source)
    problems = [*study.problems, *unread, *lacking_parts(saved, study)]
    for name in [name for name in texts if name not in sample.inputs]:
        what = f"'{name}'" if len(text_inputs(saved)) > 1 else "the report"
        problems.append(f"nothing is left of {what}, read without {withheld(saved.config.data.reports)}")
    for name in [name for name in texts if name in sample.inputs]:
        problems += _little_read(saved, name, texts[name])
    for name, images in pictured.items():
        problems += flat_problems(name, images.flat, len(images.pixels))
    for name, table in saved.facts.tables().items():
        lacking = table.lacking(study.traits) if len(sample.inputs[name]) else []
        problems += [f"{name}: without {', '.join(lacking)}"] if lacking else []
    if not any(len(items) for items in sample.inputs.values()):
        wanted = ", ".join(saved.facts.inputs)
        raise DataError("; ".join(problems) or f"nothing that the model reads ({wanted})")
    orders = {name: reading.evidence(order.source) for name, order in source.orders.items()}
    problems += [
        f"{name}: {len(sample.inputs[name])} images in an order that is unknown, which this model minds"
        for name in minding(saved.model)
        if orders.get(name) == "unknown" and len(sample.inputs[name]) > 1
    ]
    numbers = sample.slice_numbers
    boxes = {name: [decoded.letterboxes[n] for n in numbers[name]] for name, decoded in pictured.items()}
    ranges = {name: decoded.grey_range for name, decoded in pictured.items()}
    return ReadStudy(collate_of(saved)([sample]), orders, boxes, ranges, problems)


def _little_read(saved: SavedModel, name: str, text: str) -> list[str]:
    """A sentence where most words of a text are unknown to a model, and one where the text is longer than it reads."""
    tokenizer = saved.tokenizers[name]
    reading = tokenizer.reading(redacted(text, saved.config.data.reports))
    what = f"'{name}'" if len(text_inputs(saved)) > 1 else "the report"
    lines = []
    if reading.unknown > MOSTLY * reading.tokens:
        lines.append(f"{reading.unknown} of the {reading.tokens} words of {what} are unknown to the model")
    if reading.cut:
        part = "half from the start, half from the end" if tokenizer.keeps == "ends" else "those at the start"
        lines.append(f"{what} has {reading.tokens} tokens, and the model reads {tokenizer.max_tokens}: {part}")
    return lines


def device_of(saved: SavedModel) -> torch.device:
    """Where the weights of a model lie."""
    return next(saved.model.parameters()).device


def check_trained(saved: SavedModel) -> None:
    """Raises `UsageError` where the heads of a model have learned nothing: it only describes images."""
    if not saved.facts.trained:
        raise UsageError(
            "this model only describes images for a second stage, and its answers have learned nothing; train the "
            "second stage on its descriptors, and ask that"
        )


def image_input(saved: SavedModel, modality: str | None) -> str | None:
    """The input that the images of a study are for: `modality`, else the only one; None where the model reads several.

    Raises `UsageError` where the model has no image input called `modality`.
    """
    images = image_inputs(saved)
    if modality is not None and modality not in images:
        raise UsageError(f"--modality {modality}: the model reads no such images; {did_you_mean(modality, images)}")
    return modality or (images[0] if len(images) == 1 else None)


def text_inputs(saved: SavedModel) -> list[str]:
    """The inputs that are texts."""
    return [name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].worded]


def _texts(
    saved: SavedModel, study: Study | ArrayStudy, reports: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The text of each text input that has one, and one sentence per text of the study that no input reads,
    or that says nothing.

    The one text of a study goes to the only text input, whatever its name.
    """
    inputs = text_inputs(saved)
    present = {name: value for name, value in study.modalities.items() if isinstance(value, str)}
    if len(inputs) == len(present) == 1:
        present = dict(zip(inputs, present.values(), strict=True))
    strange = [name for name in present if inputs and name not in inputs]
    unread = [f"text '{name}' is not read: the model reads {', '.join(inputs)}" for name in strange]
    texts = present | dict(reports)
    wanted = [name for name in inputs if name in texts]
    unread += [f"text '{name}' {LEFT_OUT}" for name in wanted if says_nothing(texts[name])]
    return {name: texts[name] for name in wanted if not says_nothing(texts[name])}, unread
