"""Raw files as what a model reads: a folder, file or zip becomes studies, and each study a batch of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from mmdx.batch import Batch, Sample
from mmdx.data.files import unpacked
from mmdx.data.images.decode import Decoded, decode
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.loading.collate import Collate
from mmdx.data.loading.reading import Reading
from mmdx.data.readers.detect import detect_reader
from mmdx.data.text.redaction import redacted, withheld
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.descriptors import described
from mmdx.engine.scoring.orders import minding
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.registry import READERS
from mmdx.study import ImageFiles, Study


@dataclass(frozen=True)
class ReadStudy:
    """A study as a model reads it, alone in its batch.

    `orders` is the evidence that its images stand in order, `letterboxes` how the source of
    each image lies in it, both by modality; `problems` what a person should know.
    """

    batch: Batch
    orders: Mapping[str, str]
    letterboxes: Mapping[str, Sequence[Letterbox]]
    problems: Sequence[str]


def read_study(saved: SavedModel, study: Study, image: str | None, reports: Mapping[str, str]) -> ReadStudy:
    """What the model reads of a study: `reports`, by text input, in place of its own; `image` names its one image
    modality.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit.
    """
    sample, orders, letterboxes = read_images(saved, study, image)
    inputs = dict(sample.inputs)
    problems = list(study.problems)
    texts, unread = _texts(saved, study, reports)
    problems += unread
    for name, text in texts.items():
        left = redacted(text, saved.config.data.reports)
        if not left:
            what = f"'{name}'" if len(text_inputs(saved)) > 1 else "the report"
            problems.append(f"nothing is left of {what}, read without {withheld(saved.config.data.reports)}")
        tokens = saved.tokenizers[name](left)
        if len(tokens):
            inputs[name] = tokens
    for name, table in saved.facts.tables().items():
        row, lacking = table(study.traits), table.lacking(study.traits)
        if len(row):
            inputs[name] = row
            problems += [f"{name}: without {', '.join(lacking)}"] if lacking else []
    if not inputs:
        wanted = ", ".join(saved.facts.inputs)
        raise DataError("; ".join(problems) or f"nothing that the model reads ({wanted})")
    problems += [
        f"{name}: {len(inputs[name])} images in an order that is unknown, which this model minds"
        for name in minding(saved.model)
        if orders.get(name) == "unknown" and len(inputs[name]) > 1
    ]
    return ReadStudy(_collate(saved)([replace(sample, inputs=inputs)]), orders, letterboxes, problems)


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """`source` as a path that a reader takes, a zip being unpacked for the while."""
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    if source.suffix.lower() == ".zip":
        with unpacked(source) as folder:
            yield folder
    else:
        yield source


def studies_of(folder: Path, source: Path) -> list[Study]:
    """The studies in `folder`, which may be an unpacked `source`: errors speak of what the user gave."""
    try:
        return READERS.build(detect_reader(folder), root=folder)
    except DataError as error:
        raise DataError([problem.replace(str(folder), str(source)) for problem in error.problems]) from None


def join_inputs(studies: Sequence[Study], inputs: Sequence[str], name: str) -> list[Study]:
    """Folders called like image inputs of the model, such as `brain` and `bone`, become one study: the folder above.

    `name` is that of the outermost folder. A study of which one of these cannot be read has no modality: it is refused.
    """
    joined: dict[str, Study] = {}
    for study in studies:
        above, _, last = study.study_id.rpartition("/")
        images = [value for value in study.modalities.values() if isinstance(value, ImageFiles)]
        if last not in inputs or len(study.modalities) > 1 or len(images) != len(study.modalities):
            joined[study.study_id] = study
            continue
        whole = joined.get(above or name)
        found = {last: images[0]} if images else {}
        if whole is not None:
            found = {**whole.modalities, **found} if whole.modalities and found else {}
        problems = (*(whole.problems if whole else ()), *(f"{last}: {problem}" for problem in study.problems))
        patient, traits = study.patient_id if above else name, {**study.traits, **(whole.traits if whole else {})}
        joined[above or name] = Study(above or name, patient, found, traits=traits, problems=problems)
    return list(joined.values())


def image_inputs(saved: SavedModel) -> list[str]:
    """The inputs that raw images can be given for: also descriptors that the model's first stage makes of them."""
    first = image_inputs(saved.first) if saved.first is not None else []
    inputs = saved.facts.inputs.items()
    return [name for name, known in inputs if known.kind == "images" or (known.kind == "vectors" and name in first)]


def image_input(saved: SavedModel, modality: str | None) -> str | None:
    images = image_inputs(saved)
    if modality is not None and modality not in images:
        raise UsageError(f"--modality {modality}: the model reads no such images; {did_you_mean(modality, images)}")
    return modality or (images[0] if len(images) == 1 else None)


def text_inputs(saved: SavedModel) -> list[str]:
    """The inputs that are texts."""
    return [name for name, known in saved.facts.inputs.items() if known.kind == "text"]


def read_reports(saved: SavedModel, given: Sequence[str]) -> dict[str, str]:
    """The text of each file by the input that it is for, from `FILE` or `NAME=FILE`.

    A file without a name is for the only text input. Raises `UsageError` where it is unclear which input a file is for,
    and where there is none or no file; `DataError` for a file that is empty or no text.
    """
    found: dict[str, str] = {}
    for value in given:
        name, file = _report_of(text_inputs(saved), value)
        if name in found:
            raise UsageError(f"--report {value}: '{name}' is given twice; give one file per text")
        found[name] = _report(file)
    return found


def _report_of(texts: Sequence[str], value: str) -> tuple[str, Path]:
    """The text input and the file of a `--report`; a file whose own name holds `=` is taken whole where it is there."""
    name, equals, file = value.partition("=")
    if not texts:
        raise UsageError("--report: this model reads no text; leave the option out")
    if equals and name in texts:
        return name, Path(file)
    if equals and not Path(value).exists():
        raise UsageError(f"--report {value}: the model reads no text '{name}'; {did_you_mean(name, texts)}")
    if len(texts) > 1:
        raise UsageError(
            f"--report {value}: the model reads several texts ({', '.join(texts)}); say which, such as "
            f"--report {texts[0]}={value}"
        )
    return texts[0], Path(value)


def _report(report: Path) -> str:
    try:
        text = report.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise UsageError(f"--report {report}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--report {report}: cannot be read as UTF-8 text ({error})") from None
    if not text:
        raise DataError(f"--report {report}: is empty; leave the option out to predict from the images alone")
    return text


def read_images(
    saved: SavedModel, study: Study, image: str | None
) -> tuple[Sample, dict[str, str], dict[str, list[Letterbox]]]:
    """The images of a study that the model reads, as it reads them, and on what evidence they stand in order.

    Beside them the letter-box of each image that is read.
    """
    inputs, places, numbers, orders, letterboxes = {}, {}, {}, {}, {}
    # Leaving images out is an experiment on a cohort: an answer for one study is given from all of them.
    reading = replace(Reading.of(saved.config.data, saved.config.seed), dropped=0.0)
    for name, value in _named(study, image).items():
        if isinstance(value, ImageFiles) and name in image_inputs(saved):
            if saved.facts.inputs[name].kind == "images":
                decoded, reads = _decoded(saved, name, value), reading
                items, boxes = decoded.pixels, decoded.letterboxes
            else:
                items, reads = _descriptors(saved, study, name, value), reading.of_descriptors()
                boxes = ()
            numbers[name] = reads.numbers(len(items), study.study_id)
            if boxes:
                letterboxes[name] = [boxes[number] for number in numbers[name]]
            places[name] = reads.places(numbers[name], len(items), value.order.spacing_mm)
            inputs[name] = items[numbers[name]]
            orders[name] = reads.evidence(value.order.source)
    nobody_looked = np.full(len(saved.facts.findings), np.nan, dtype=np.float32)
    sample = Sample(study.study_id, study.patient_id, inputs, nobody_looked, {}, places, slice_numbers=numbers)
    return sample, orders, letterboxes


def _texts(saved: SavedModel, study: Study, reports: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The text of each text input that has one, and a sentence for each text of the study that no input reads.

    The one text of a study goes to the only text input, whatever its name.
    """
    inputs = text_inputs(saved)
    own = {name: value for name, value in study.modalities.items() if isinstance(value, str)}
    if len(inputs) == len(own) == 1:
        own = dict(zip(inputs, own.values(), strict=True))
    strange = [name for name in own if inputs and name not in inputs]
    unread = [f"text '{name}' is not read: the model reads {', '.join(inputs)}" for name in strange]
    texts = own | dict(reports)
    return {name: texts[name] for name in inputs if name in texts}, unread


def _named(study: Study, image: str | None) -> Mapping[str, Any]:
    """A study's modalities under the model's names: one image modality of any name is taken for `image`."""
    images = [name for name, value in study.modalities.items() if isinstance(value, ImageFiles)]
    if image is None or image in images or len(images) != 1:
        return study.modalities
    return {image if name == images[0] else name: value for name, value in study.modalities.items()}


def _decoded(saved: SavedModel, name: str, files: ImageFiles) -> Decoded:
    known = saved.facts.inputs[name]
    if files.unit != known.unit:
        raise DataError(f"its images hold {files.unit}, but the model's '{name}' was trained on {known.unit}")
    # Decoded whole, as a store has it: the grey levels of deep images hang on all images of the study.
    return decode(replace(files, channels=known.channels), saved.facts.size)


def _descriptors(saved: SavedModel, study: Study, name: str, files: ImageFiles) -> Float32[np.ndarray, "n d"]:
    """What the first stage of a model says of the images of a study: of all of them, as when the second was trained."""
    first = saved.first
    if first is None:
        raise DataError(f"'{name}': the model has no first stage that could describe images")
    items = (
        _decoded(first, name, files).pixels
        if first.facts.inputs[name].kind == "images"
        else _descriptors(first, study, name, files)
    )
    unknown = np.full(len(first.facts.findings), np.nan, dtype=np.float32)
    places = {name: Reading().places(np.arange(len(items)), len(items), files.order.spacing_mm)}
    alone = Sample(study.study_id, study.patient_id, {name: items}, unknown, {}, places)
    with torch.inference_mode():
        output = first.model(_collate(first)([alone]))
    return described(first.model, output, name, logits=saved.facts.inputs[name].logits > 0).numpy()


def _collate(saved: SavedModel) -> Collate:
    side, items = saved.facts.size, {}
    for name, known in saved.facts.inputs.items():
        images = ((known.channels, side, side), np.dtype("int16" if known.unit == "HU" else "uint8"))
        vectors = ((known.width,), np.dtype("float32"))
        table = ((len(known.columns),), np.dtype("float32"))
        text = ((), np.dtype("int64"))
        items[name] = {"images": images, "vectors": vectors, "text": text, "tabular": table}[known.kind]
    return Collate(items)


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: may not be written to; choose another folder")
