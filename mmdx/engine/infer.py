"""Raw files in, findings out: the same path as training data, without a store."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.batch import Batch, Sample
from mmdx.data.archive import unpacked
from mmdx.data.collate import Collate, evenly
from mmdx.data.images import decode
from mmdx.data.redaction import redacted, withheld
from mmdx.engine.checkpoint import SavedModel, load_model
from mmdx.engine.descriptors import described
from mmdx.engine.inspection import detect_reader
from mmdx.engine.run import model_folder
from mmdx.errors import DataError, MmdxError, UsageError, did_you_mean
from mmdx.registry import READERS
from mmdx.study import ImageFiles, Study


def predict_input(run: Path, source: Path, report: Path | None, modality: str | None, out: Path | None) -> None:
    """Predicts every study in `source` and prints the findings.

    With `out`, leaves `predictions.json` and `predictions.csv` there. Raises `DataError` with a line for each study
    that had to be refused, after the others are told, and `UsageError`, before any is read, where `out` cannot be made.
    """
    saved = load_model(model_folder(run))
    image = _image_input(saved, modality)
    text = _read_report(saved, report)
    if out is not None:
        _make_folder(out)
    results, refused = [], []
    with _opened(source) as folder:
        studies = join_inputs(_studies(folder, source), image_inputs(saved), folder.resolve().name)
        if text is not None and len(studies) != 1:
            raise UsageError(
                f"--report: {source} holds {len(studies)} studies and the report belongs to one; give one study"
            )
        for study in studies:
            try:
                results.append(predict_study(saved, study, image, text))
            except DataError as error:
                reason = str(error).replace(f"{folder}/", "").removeprefix(f"{study.study_id}: ")
                refused.append(f"refused: {study.study_id}: {reason}")
    if results:
        _show(results, Console())
        if out is not None:
            _write(results, out)
    if refused:
        raise DataError(refused)


def predict_study(saved: SavedModel, study: Study, image: str | None, report: str | None) -> dict[str, Any]:
    """One study's findings: probabilities, what was shown, what the model lacked, the order of its slices.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit.
    """
    given = {n: v for n, v in _named(study, image).items() if isinstance(v, ImageFiles) and n in image_inputs(saved)}
    inputs = {name: _pixels(saved, name, v) for name, v in given.items() if saved.facts.inputs[name].kind == "images"}
    if saved.first is not None:
        inputs |= _described(saved, saved.first, study, {n: v for n, v in given.items() if n not in inputs})
    orders: dict[str, str] = {name: value.order.source for name, value in given.items()}
    texts = [name for name, known in saved.facts.inputs.items() if known.kind == "text"]
    told = report if report is not None else next((study.modalities[n] for n in texts if n in study.modalities), None)
    reports, problems = saved.config.data.reports, list(study.problems)
    if texts and isinstance(told, str):
        told = redacted(told, reports)
        problems += [] if told else [f"nothing is left of the report, read without {withheld(reports)}"]
        tokens = saved.tokenizers[texts[0]](told)
        if len(tokens):
            inputs[texts[0]] = tokens
    if not inputs:
        wanted = ", ".join(saved.facts.inputs)
        raise DataError("; ".join(problems) or f"nothing that the model reads ({wanted})")
    with torch.inference_mode():
        output = saved.model(_batch(saved, study, inputs))
    shown = [name for name in saved.facts.inputs if name in inputs]
    result: dict[str, Any] = {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "shown": "+".join(shown),
        "missing": [name for name in saved.facts.inputs if name not in inputs],
        "images": {name: len(inputs[name]) for name in orders},
        "order_source": orders,
        "problems": problems,
        "reports_without": withheld(reports) if texts else "",
    }
    for name, head in saved.model.answering.items():
        scores = head.probabilities(output.logits[name]).tolist()
        if head.level == "study":
            result["findings"] = dict(zip(saved.facts.findings, scores[0], strict=True))
        elif scores:
            result["slices"] = {f: [row[i] for row in scores] for i, f in enumerate(saved.facts.findings)}
    return result


def _named(study: Study, image: str | None) -> Mapping[str, Any]:
    """A study's modalities under the model's names: one image modality of any name is taken for `image`."""
    images = [name for name, value in study.modalities.items() if isinstance(value, ImageFiles)]
    if image is None or image in images or len(images) != 1:
        return study.modalities
    return {image if name == images[0] else name: value for name, value in study.modalities.items()}


def _pixels(saved: SavedModel, name: str, files: ImageFiles, *, thin: bool = True) -> np.ndarray:
    known = saved.facts.inputs[name]
    if files.unit != known.unit:
        raise DataError(f"its images hold {files.unit}, but the model's '{name}' was trained on {known.unit}")
    # Decoded whole, as a store has it: the grey levels of deep images hang on all images of the study.
    pixels = decode(replace(files, channels=known.channels), saved.facts.size).pixels
    return pixels[evenly(len(pixels), saved.config.data.max_images if thin else None)]


def _described(
    saved: SavedModel, first: SavedModel, study: Study, given: Mapping[str, ImageFiles]
) -> dict[str, np.ndarray]:
    """What the first stage says of the images of a study: of all of them, as when the second stage was trained."""
    if not given:
        return {}
    if first.first is not None:
        items = _described(first, first.first, study, given)
    else:
        items = {name: _pixels(first, name, files, thin=False) for name, files in given.items()}
    with torch.inference_mode():
        output = first.model(_batch(first, study, items))
    logits = {name: saved.facts.inputs[name].logits > 0 for name in given}
    return {name: described(first.model, output, name, logits=logits[name]).numpy() for name in given}


def _batch(saved: SavedModel, study: Study, inputs: Mapping[str, np.ndarray]) -> Batch:
    side, items = saved.facts.size, {}
    for name, known in saved.facts.inputs.items():
        images = ((known.channels, side, side), np.dtype("int16" if known.unit == "HU" else "uint8"))
        vectors = ((known.width,), np.dtype("float32"))
        items[name] = {"images": images, "vectors": vectors, "text": ((), np.dtype("int64"))}[known.kind]
    labels = np.full(len(saved.facts.findings), np.nan, dtype=np.float32)
    return Collate(items)([Sample(study.study_id, study.patient_id, inputs, labels, {})])


def _studies(folder: Path, source: Path) -> list[Study]:
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
        joined[above or name] = Study(above or name, study.patient_id if above else name, found, problems=problems)
    return list(joined.values())


def image_inputs(saved: SavedModel) -> list[str]:
    """The inputs that raw images can be given for: also descriptors that the model's first stage makes of them."""
    first = image_inputs(saved.first) if saved.first is not None else []
    inputs = saved.facts.inputs.items()
    return [name for name, known in inputs if known.kind == "images" or (known.kind == "vectors" and name in first)]


def _image_input(saved: SavedModel, modality: str | None) -> str | None:
    images = image_inputs(saved)
    if modality is not None and modality not in images:
        raise UsageError(f"--modality {modality}: the model reads no such images; {did_you_mean(modality, images)}")
    return modality or (images[0] if len(images) == 1 else None)


def _read_report(saved: SavedModel, report: Path | None) -> str | None:
    if report is None:
        return None
    if not any(known.kind == "text" for known in saved.facts.inputs.values()):
        raise UsageError("--report: this model reads no text; leave the option out")
    try:
        text = report.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise UsageError(f"--report {report}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--report {report}: cannot be read as UTF-8 text ({error})") from None
    if not text:
        raise DataError(f"--report {report}: is empty; leave the option out to predict from the images alone")
    return text


@contextmanager
def _opened(source: Path) -> Iterator[Path]:
    """`source` as a path that a reader takes, a zip being unpacked for the while."""
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    if source.suffix.lower() == ".zip":
        with unpacked(source) as folder:
            yield folder
    else:
        yield source


def _show(results: list[dict[str, Any]], console: Console) -> None:
    for result in results:
        console.print(f"{result['study_id']}  (shown: {result['shown']})", markup=False, highlight=False)
        table = Table("finding", "probability")
        for finding, score in result.get("findings", {}).items():
            table.add_row(Text(finding), f"{score:.3f}")
        console.print(table)
        if result["missing"]:
            missing = f"without {', '.join(result['missing'])}: answered from {result['shown']} alone"
            console.print(missing, markup=False, highlight=False)
        for name, source in result["order_source"].items():
            order = f"{name}: {result['images'][name]} images, order from {source}"
            console.print(order, markup=False, highlight=False)
        if result["reports_without"]:
            console.print(f"reports are read without {result['reports_without']}", markup=False, highlight=False)
        for problem in result["problems"]:
            console.print(f"problem: {problem}", markup=False, highlight=False)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be made ({error.strerror}); choose another folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: may not be written to; choose another folder")


def _write(results: list[dict[str, Any]], out: Path) -> None:
    try:
        (out / "predictions.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        with (out / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["study_id", "patient_id", "shown", "finding", "label", "score"])
            for result in results:
                for finding, score in result.get("findings", {}).items():
                    writer.writerow(
                        [result["study_id"], result["patient_id"], result["shown"], finding, "", f"{score:.7g}"]
                    )
    except OSError as error:
        raise MmdxError(f"{out}: cannot be written ({error.strerror})") from None
