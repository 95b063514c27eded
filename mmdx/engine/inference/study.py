"""Raw files as what a model reads: a folder, file or zip becomes studies, and each study a batch of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mmdx.batch import Batch
from mmdx.data.files import unpacked
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.loading.reading import Reading
from mmdx.data.readers.detect import detect_reader
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.raw import collate_of, image_inputs, maker_of, read_images
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
    source, letterboxes = read_images(saved, study, image)
    texts, unread = _texts(saved, study, reports)
    source = replace(source, texts=texts)
    # Leaving images out is an experiment on a cohort: an answer for one study is given from all of them.
    reading = replace(Reading.of(saved.config.data, saved.config.seed), dropped=0.0)
    sample = maker_of(saved, source, reading)(source)
    problems = [*study.problems, *unread]
    for name in [name for name in texts if name not in sample.inputs]:
        what = f"'{name}'" if len(text_inputs(saved)) > 1 else "the report"
        problems.append(f"nothing is left of {what}, read without {withheld(saved.config.data.reports)}")
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
    boxes = {name: [boxes[number] for number in numbers[name]] for name, boxes in letterboxes.items()}
    return ReadStudy(collate_of(saved)([sample]), orders, boxes, problems)


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


def make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: may not be written to; choose another folder")
