"""Predictions: the answer of a model for one study, and for every study in a folder, a file or a zip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmdx.batch import Output
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.texts import target_key
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.handover.handover import Handover
from mmdx.engine.inference.labels import known_labels, known_slice_labels
from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.engine.inference.raw import Pictures
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.source import answer_each, make_folder
from mmdx.engine.inference.standing import apart_of, standing_of, with_thresholds
from mmdx.engine.inference.study import ReadStudy, check_trained, device_of, image_input, read_by_members, text_inputs
from mmdx.engine.passing import passing
from mmdx.engine.processes import ready_cpu
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.boxes import lesions_of, merged_boxes
from mmdx.errors import DataError, UsageError
from mmdx.files import CORNERS, SIDES_MM
from mmdx.models.heads.boxes import BoxHead
from mmdx.models.heads.description import TextHead
from mmdx.models.heads.mean import answer_together
from mmdx.study import Study


@dataclass(frozen=True)
class _Answered:
    """One model, a study as it read it, and what it said."""

    saved: SavedModel
    read: ReadStudy
    output: Output


def predict_files(
    run: Path, source: Path, *, report_files: Sequence[str], modality: str | None, out: Path | None, sr: bool = False
) -> Predictions:
    """The predictions of the model in `run` (a run or model folder), saved into `out` where it is given; with `sr`
    a DICOM SR of each study lies beside them.

    `report_files` are `FILE` or `NAME=FILE`, as `read_reports` takes them. Raises as `predict_source` does, and
    `UsageError`, before any study is read, where `out` cannot be made, is missing for `sr`, or holds SRs of before.
    """
    ready_cpu()
    if sr and out is None:
        raise UsageError("--sr: DICOM SRs are files; say where they go (--out FOLDER)")
    saved = load_model(model_folder(run))
    reports = read_reports(saved, report_files)
    if out is not None:
        make_folder(out)
    told = with_thresholds(run)
    handover = Handover(saved, run, out, modality=modality) if sr and out is not None else None
    finished = handover or (lambda _number, _study, prediction: told(prediction))
    predictions = predict_source(saved, source, reports=reports, modality=modality, finished=finished)
    if handover is not None:
        predictions = Predictions(predictions, predictions.refused, handover.without)
    if predictions and out is not None:
        predictions.save(out)
    return predictions


def predict_source(
    saved: SavedModel,
    source: Path,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    finished: Callable[[int, Study, Prediction], Prediction] = lambda _number, _study, prediction: prediction,
) -> Predictions:
    """The prediction for every study in `source`, and a line for each study that had to be refused.

    `reports`, by text input, belong to the one study in `source`; `modality` is the input that the images are for,
    where the model reads several. `finished` makes of each answer, with its study and the study's place from 1, what is
    returned, while the study's files are there. Raises `UsageError` for a modality that the model does not read, and
    where there are reports and several studies.
    """
    image_input(saved, modality)  # a wrong name is refused before anything is unpacked

    def answer(number: int, study: Study) -> Prediction:
        return finished(number, study, predict_study(saved, study, reports=reports, modality=modality))

    answers = list(answer_each(source, saved, answer, alone=bool(reports)))
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
    pictures: Pictures | None = None,
) -> Prediction:
    """The prediction for one study; `reports`, by text input, are read in place of its own texts. `pictures` are those
    of the study, where it is asked about more than once.

    Scores by slice stand in certified order, in whatever order the model reads the slices. Of an ensemble every member
    reads the study; a text is written by the first one that writes.

    Raises `DataError` where the study has nothing that the model reads, or images of another unit, and where the answer
    is not a number.
    """
    check_trained(saved)
    with passing("prediction", [study.study_id]), torch.inference_mode():
        answered = [
            _Answered(member, read, member.model(read.batch.to(device_of(member))))
            for member, read in read_by_members(saved, study, reports=reports, modality=modality, pictures=pictures)
        ]
        answers = _answers(answered)
    if "findings" not in answers and "slices" not in answers:
        raise DataError("the model answers for images alone, and the study has none that it reads")
    read = answered[0].read
    batch, shown = read.batch, read.shown
    level = "study" if "findings" in answers else "slice"
    standing = standing_of([(one.saved, one.read.shown) for one in answered], level)
    return Prediction(
        study_id=study.study_id,
        patient_id=study.patient_id,
        shown="+".join(shown),
        missing=tuple(name for name in saved.facts.inputs if name not in shown),
        images={name: len(batch.inputs[name].values) for name in read.orders},
        order_source=read.orders,
        problems=tuple(read.problems),
        reports_without=withheld(saved.config.data.reports) if text_inputs(saved) else "",
        calibrated=standing.calibrated,
        prevalence=standing.prevalence,
        apart=apart_of([(one.saved, one.read.batch, one.output) for one in answered]),
        members=len(answered),
        labels=known_labels(saved, study),
        slice_labels=known_slice_labels(saved, study) if level == "slice" else {},
        **answers,
    )


def _answers(answered: Sequence[_Answered]) -> dict[str, Any]:
    """What each head says, of an ensemble those of all members together, by the field of `Prediction`."""
    answers: dict[str, Any] = {}
    first = answered[0]
    for name, head in first.saved.model.answering.items():
        if isinstance(head, BoxHead):
            answers["boxes"] = tuple(merged_boxes([_boxes(one, name) for one in answered], head))
            answers["lesions"] = tuple(lesions_of(answers["boxes"]))
        if isinstance(head, TextHead) and head.sees(first.output.features).item():
            words = first.saved.tokenizers[target_key(head.text)]
            answers["description"] = words.prose(head.write(first.output.features)[0])
            answers["described_from"] = tuple(one for one in head.seen if one in first.read.shown)
        if head.level in ("study", "slice"):
            answers |= _probabilities(answered, name)
    return answers


def _probabilities(answered: Sequence[_Answered], name: str) -> dict[str, Any]:
    """The probability of each finding for the study, or for each of its slices, by the heads called `name`, and how
    they spread over the members of an ensemble; nothing where it has no slices."""
    saved, batch = answered[0].saved, answered[0].read.batch
    head, findings = saved.model.answering[name], saved.facts.findings
    together = answer_together(
        [one.saved.model.answering[name] for one in answered], [one.output.logits[name] for one in answered]
    )
    scores = together.probabilities.tolist()
    spread = [] if together.spread is None else together.spread.tolist()
    if head.level == "study":
        answer = {"findings": dict(zip(findings, scores[0], strict=True))}
        return answer | ({"spread": dict(zip(findings, spread[0], strict=True))} if spread else {})
    if not scores or head.modality is None:
        return {}
    numbers: Int[Tensor, "n"] = batch.slice_numbers[head.modality]
    certified = numbers.argsort().tolist()

    def by_finding(rows: list[list[float]]) -> dict[str, tuple[float, ...]]:
        return {finding: tuple(rows[row][i] for row in certified) for i, finding in enumerate(findings)}

    answers = {"slices": by_finding(scores), "slice_numbers": tuple(numbers.sort().values.tolist())}
    return answers | ({"slice_spread": by_finding(spread)} if spread else {})


def _boxes(answered: _Answered, name: str) -> list[dict[str, Any]]:
    """The boxes that the head `name` of one model finds in a study, in pixels of the source images, and with sides in
    mm where these are known; none where it has no such images."""
    saved, read, head = answered.saved, answered.read, answered.saved.model.answering[name]
    assert isinstance(head, BoxHead)  # members have heads of the same kinds
    letterboxes: Sequence[Letterbox] | None = read.letterboxes.get(head.images)
    if letterboxes is None:
        return []
    numbers = read.batch.slice_numbers[head.images].tolist()
    boxes, scores = head.boxes(answered.output.logits[name], saved.facts.size, saved.facts.size)
    stored = boxes.corners.cpu().numpy().astype(float)
    rows = zip(boxes.findings.tolist(), boxes.images.tolist(), stored, scores.tolist(), strict=True)
    return [
        {"finding": saved.facts.findings[finding], "slice": numbers[image]}
        | _on_source(letterboxes[image], corners)
        | {"score": score}
        for finding, image, corners, score in rows
    ]


def _on_source(letterbox: Letterbox, stored: Float[np.ndarray, "4"]) -> dict[str, float]:
    """Corners on the source image of a box on the stored one, and its sides in mm where they are known."""
    corners = letterbox.to_source(stored)
    sides = letterbox.sides_mm(corners)
    known = {} if sides is None else dict(zip(SIDES_MM, sides.tolist(), strict=True))
    return dict(zip(CORNERS, corners.tolist(), strict=True)) | known
