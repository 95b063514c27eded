"""Raw files in, findings out: the same path as training data, without a store."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from mmdx.data.images.letterbox import Letterbox
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.texts import target_key
from mmdx.engine.inference.study import (
    image_input,
    image_inputs,
    join_inputs,
    make_folder,
    opened,
    read_reports,
    read_study,
    studies_of,
)
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.boxes import CORNERS, lesions_of
from mmdx.errors import DataError, MmdxError, UsageError
from mmdx.models.heads.boxes import BoxHead
from mmdx.models.heads.description import TextHead
from mmdx.stats.cohort.predictions import COLUMNS, SLICE
from mmdx.study import Study

MOST_LESIONS = 5
"""Lesions of a study that the terminal shows; all stand in `predictions.json`."""


def predict_input(run: Path, source: Path, report: Sequence[str], modality: str | None, out: Path | None) -> None:
    """Predicts every study in `source` and prints the findings; `report` holds files as `read_reports` takes them.

    With `out`, leaves `predictions.json` and `predictions.csv` there; the latter has one row per slice where the model
    answers for no studies. Raises `DataError` with a line for each study that had to be refused, after the others are
    told, and `UsageError`, before any is read, where `out` cannot be made.
    """
    saved = load_model(model_folder(run))
    image = image_input(saved, modality)
    reports = read_reports(saved, report)
    if out is not None:
        make_folder(out)
    results, refused = [], []
    with opened(source) as folder:
        studies = join_inputs(studies_of(folder, source), image_inputs(saved), folder.resolve().name)
        if reports and len(studies) != 1:
            raise UsageError(
                f"--report: {source} holds {len(studies)} studies and the report belongs to one; give one study"
            )
        for study in studies:
            try:
                results.append(predict_study(saved, study, image, reports))
            except DataError as error:
                reason = str(error).replace(f"{folder}/", "").removeprefix(f"{study.study_id}: ")
                refused.append(f"refused: {study.study_id}: {reason}")
    if results:
        _show(results, Console())
        if out is not None:
            _write(results, out)
    if refused:
        raise DataError(refused)


def predict_study(saved: SavedModel, study: Study, image: str | None, reports: Mapping[str, str]) -> dict[str, Any]:
    """One study's findings: probabilities, what was shown, what the model lacked, the order of its slices.

    `reports`, by text input, are read in place of the study's own.
    Scores by slice stand in certified order, however the model reads them; `slice_numbers` says of which images they
    are (0-based): of all, but for `data.max_images`.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit.
    """
    read = read_study(saved, study, image, reports)
    batch = read.batch
    with torch.inference_mode():
        output = saved.model(batch)
    reads_text = any(known.kind == "text" for known in saved.facts.inputs.values())
    shown = [name for name in saved.facts.inputs if bool(batch.present(name)[0])]
    result: dict[str, Any] = {
        "study_id": study.study_id,
        "patient_id": study.patient_id,
        "shown": "+".join(shown),
        "missing": [name for name in saved.facts.inputs if name not in shown],
        "images": {name: len(batch.inputs[name].values) for name in read.orders},
        "order_source": read.orders,
        "problems": read.problems,
        "reports_without": withheld(saved.config.data.reports) if reads_text else "",
    }
    for name, head in saved.model.answering.items():
        if isinstance(head, BoxHead):
            numbers = batch.slice_numbers[head.images].numpy()
            result["boxes"] = _boxes(saved, head, output.logits[name], read.letterboxes.get(head.images), numbers)
            result["lesions"] = lesions_of(result["boxes"])
        if isinstance(head, TextHead) and head.sees(output.features).item():
            words = saved.tokenizers[target_key(head.text)]
            result["description"] = words.prose(head.write(output.features)[0])
            result["described_from"] = [name for name in head.seen if name in shown]
        if head.level not in ("study", "slice"):
            continue
        scores = head.probabilities(output.logits[name]).tolist()
        if head.level == "study":
            result["findings"] = dict(zip(saved.facts.findings, scores[0], strict=True))
        elif scores and head.modality is not None:
            numbers = batch.slice_numbers[head.modality]
            certified = numbers.argsort().tolist()
            result["slices"] = {f: [scores[row][i] for row in certified] for i, f in enumerate(saved.facts.findings)}
            result["slice_numbers"] = numbers.sort().values.tolist()
    if "findings" not in result and "slices" not in result:
        raise DataError("the model answers for images alone, and the study has none that it reads")
    return result


def _boxes(
    saved: SavedModel,
    head: BoxHead,
    logits: Tensor,
    letterboxes: Sequence[Letterbox] | None,
    numbers: Int[np.ndarray, "n_"],
) -> list[dict[str, Any]]:
    """A study's boxes in pixels of the source images; none where it has no such images."""
    if letterboxes is None:
        return []
    size = saved.facts.size
    found, scores = head.boxes(logits, size, size)
    images = found.images.numpy()
    stored = zip(images, found.corners.numpy().astype(float), strict=True)
    corners = [letterboxes[image].to_source(corners).tolist() for image, corners in stored]
    places = zip(found.findings.tolist(), numbers[images].tolist(), corners, scores.tolist(), strict=True)
    return [
        {"finding": saved.facts.findings[finding], "slice": image, **dict(zip(CORNERS, where, strict=True)), "score": p}
        for finding, image, where, p in places
    ]


def _show(results: list[dict[str, Any]], console: Console) -> None:
    for result in results:
        console.print(f"{result['study_id']}  (shown: {result['shown']})", markup=False, highlight=False)
        console.print(_table(result))
        for lesion in result.get("lesions", [])[:MOST_LESIONS]:
            where = f"slices {lesion['first']}-{lesion['last']}"
            console.print(f"{lesion['finding']}: {where}, score {lesion['score']:.3f}", markup=False, highlight=False)
        if "description" in result:
            origin = "+".join(result["described_from"])
            console.print(f"description, from {origin}: {result['description']}", markup=False, highlight=False)
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


def _table(result: dict[str, Any]) -> Table:
    """The probability of each finding, or of its likeliest slice where the model answers for slices alone."""
    if "findings" in result or "slices" not in result:
        table = Table("finding", "probability")
        for finding, score in result.get("findings", {}).items():
            table.add_row(Text(finding), f"{score:.3f}")
        return table
    table = Table("finding", "likeliest slice", "probability")
    for finding, scores in result["slices"].items():
        place = int(np.argmax(scores))
        table.add_row(Text(finding), str(result["slice_numbers"][place]), f"{scores[place]:.3f}")
    return table


def _rows(result: dict[str, Any], *, slices: bool) -> Iterator[list[Any]]:
    """The rows of a study in `predictions.csv`, without a label; of its `slices`, with the number of each."""
    first = [result["study_id"], result["patient_id"], result["shown"]]
    if not slices:
        for finding, score in result.get("findings", {}).items():
            yield [*first, finding, "", f"{score:.7g}"]
        return
    for finding, scores in result.get("slices", {}).items():
        for number, score in zip(result["slice_numbers"], scores, strict=True):
            yield [*first, finding, "", f"{score:.7g}", number]


def _write(results: list[dict[str, Any]], out: Path) -> None:
    try:
        (out / "predictions.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        with (out / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            slices = all("findings" not in result for result in results)
            writer.writerow([*COLUMNS, SLICE] if slices else COLUMNS)
            for result in results:
                writer.writerows(_rows(result, slices=slices))
    except OSError as error:
        raise MmdxError(f"{out}: cannot be written ({error.strerror})") from None
