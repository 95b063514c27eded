"""Predictions: the answer of a model for one study, and for every study in a folder, a file or a zip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from mmdx.batch import Output
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.texts import target_key
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.engine.inference.raw import image_names
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.source import answer_each, make_folder
from mmdx.engine.inference.study import ReadStudy, device_of, image_input, read_study, text_inputs
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.boxes import lesions_of
from mmdx.errors import DataError
from mmdx.files import CORNERS
from mmdx.models.heads.base import Head
from mmdx.models.heads.boxes import BoxHead
from mmdx.models.heads.description import TextHead
from mmdx.study import Study


def predict_files(
    run: Path, source: Path, *, report_files: Sequence[str], modality: str | None, out: Path | None
) -> Predictions:
    """The predictions of the model in `run` (a run or model folder), saved into `out` where it is given.

    `report_files` are `FILE` or `NAME=FILE`, as `read_reports` takes them. Raises as `predict_source` does, and
    `UsageError`, before any study is read, where `out` cannot be made.
    """
    saved = load_model(model_folder(run))
    reports = read_reports(saved, report_files)
    if out is not None:
        make_folder(out)
    predictions = predict_source(saved, source, reports=reports, modality=modality)
    if predictions and out is not None:
        predictions.save(out)
    return predictions


def predict_source(
    saved: SavedModel, source: Path, *, reports: Mapping[str, str] | None = None, modality: str | None = None
) -> Predictions:
    """The prediction for every study in `source`, and a line for each study that had to be refused.

    `reports`, by text input, belong to the one study in `source`; `modality` is the input that the images are for,
    where the model reads several. Raises `UsageError` for a modality that the model does not read, and where there are
    reports and several studies.
    """
    image_input(saved, modality)  # a wrong name is refused before anything is unpacked
    answers = list(
        answer_each(
            source,
            image_names(saved),
            lambda _, study: predict_study(saved, study, reports=reports, modality=modality),
            alone=bool(reports),
        )
    )
    return Predictions(
        (answer for answer in answers if isinstance(answer, Prediction)),
        (str(answer) for answer in answers if isinstance(answer, Refused)),
    )


def predict_study(
    saved: SavedModel,
    study: Study | ArrayStudy,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
) -> Prediction:
    """The prediction for one study; `reports`, by text input, are read in place of its own texts.

    Scores by slice stand in certified order, in whatever order the model reads the slices.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit, and where the answer
    is not a number.
    """
    read = read_study(saved, study, reports=reports, modality=modality)
    batch = read.batch
    with torch.inference_mode():
        output = saved.model(batch.to(device_of(saved)))
        answers = _answers(saved, read, output)
    if "findings" not in answers and "slices" not in answers:
        raise DataError("the model answers for images alone, and the study has none that it reads")
    shown = _shown(saved, read)
    return Prediction(
        study_id=study.study_id,
        patient_id=study.patient_id,
        shown="+".join(shown),
        missing=tuple(name for name in saved.facts.inputs if name not in shown),
        images={name: len(batch.inputs[name].values) for name in read.orders},
        order_source=read.orders,
        problems=tuple(read.problems),
        reports_without=withheld(saved.config.data.reports) if text_inputs(saved) else "",
        **answers,
    )


def _shown(saved: SavedModel, read: ReadStudy) -> list[str]:
    return [name for name in saved.facts.inputs if bool(read.batch.present(name)[0])]


def _answers(saved: SavedModel, read: ReadStudy, output: Output) -> dict[str, Any]:
    """What each head says, by the field of `Prediction`."""
    answers: dict[str, Any] = {}
    for name, head in saved.model.answering.items():
        logits = output.logits[name]
        if isinstance(head, BoxHead):
            answers["boxes"] = _boxes(saved, read, head, logits)
            answers["lesions"] = tuple(lesions_of(answers["boxes"]))
        if isinstance(head, TextHead) and head.sees(output.features).item():
            words = saved.tokenizers[target_key(head.text)]
            answers["description"] = words.prose(head.write(output.features)[0])
            answers["described_from"] = tuple(name for name in head.seen if name in _shown(saved, read))
        if head.level in ("study", "slice"):
            answers |= _probabilities(saved, read, head, logits)
    return answers


def _probabilities(saved: SavedModel, read: ReadStudy, head: Head, logits: Tensor) -> dict[str, Any]:
    """The probability of each finding for the study, or for each of its slices; nothing where it has no slices."""
    scores = head.probabilities(logits).tolist()
    findings = saved.facts.findings
    if head.level == "study":
        return {"findings": dict(zip(findings, scores[0], strict=True))}
    if not scores or head.modality is None:
        return {}
    numbers: Int[Tensor, "n"] = read.batch.slice_numbers[head.modality]
    certified = numbers.argsort().tolist()
    return {
        "slices": {finding: tuple(scores[row][i] for row in certified) for i, finding in enumerate(findings)},
        "slice_numbers": tuple(numbers.sort().values.tolist()),
    }


def _boxes(saved: SavedModel, read: ReadStudy, head: BoxHead, logits: Tensor) -> tuple[dict[str, Any], ...]:
    """A study's boxes in pixels of the source images; none where it has no such images."""
    letterboxes: Sequence[Letterbox] | None = read.letterboxes.get(head.images)
    if letterboxes is None:
        return ()
    numbers = read.batch.slice_numbers[head.images].tolist()
    boxes, scores = head.boxes(logits, saved.facts.size, saved.facts.size)
    stored = boxes.corners.cpu().numpy().astype(float)
    rows = zip(boxes.findings.tolist(), boxes.images.tolist(), stored, scores.tolist(), strict=True)
    return tuple(
        {"finding": saved.facts.findings[finding], "slice": numbers[image]}
        | dict(zip(CORNERS, letterboxes[image].to_source(corners).tolist(), strict=True))
        | {"score": score}
        for finding, image, corners, score in rows
    )
