"""Explanations: on what the answer of a model stands, for one study and for every study in a source.

The likeliest slices of each finding with their Grad-CAM; how much each slice counted where the sequence model weighs
them, and how much each word where the text encoder does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch

from mmdx.batch import Batch, Features
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation, saving
from mmdx.engine.inference.raw import image_inputs, image_names
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.source import answer_each, make_folder
from mmdx.engine.inference.study import device_of, image_input, read_study, text_inputs
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.scoring.boxes import slices_of
from mmdx.engine.scoring.grad_cam import heatmaps
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.models.branches.images import ImageBranch
from mmdx.study import Study

TOP = 3
"""Slices per finding that are drawn, the likeliest first."""
Item = TypeVar("Item", int, str)


def explain_files(
    run: Path,
    source: Path,
    out: Path,
    *,
    report_files: Sequence[str],
    modality: str | None,
    findings: Sequence[str],
    top: int,
) -> Iterator[Explanation | Refused]:
    """The explanations of the model in `run` (a run or model folder): each one comes when its pictures lie in `out`,
    and `explain.json` is written after the last. Only one study is held in memory.

    `report_files` are `FILE` or `NAME=FILE`, as `read_reports` takes them. Raises as `explain_source` does, and
    `UsageError`, before any study is read, where `out` cannot be made.
    """
    saved = load_model(model_folder(run))
    reports = read_reports(saved, report_files)
    answers = explain_source(saved, source, reports=reports, modality=modality, findings=findings, top=top)
    make_folder(out)
    return saving(answers, out)


def explain_source(
    saved: SavedModel,
    source: Path,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    findings: Sequence[str] = (),
    top: int = TOP,
) -> Iterator[Explanation | Refused]:
    """The explanation of every study in `source`, or why it was refused, one study after the other.

    `findings` are those to explain, by default all of the model. Raises as `explain_study` does for names that the
    model does not know, before the first study is read.
    """
    check_names(saved, modality, findings)
    return answer_each(
        source,
        image_names(saved),
        lambda number, study: explain_study(
            saved, study, reports=reports, modality=modality, findings=findings, top=top, number=number
        ),
        alone=bool(reports),
    )


def explain_study(
    saved: SavedModel,
    study: Study | ArrayStudy,
    *,
    reports: Mapping[str, str] | None = None,
    modality: str | None = None,
    findings: Sequence[str] = (),
    top: int = TOP,
    number: int = 1,
) -> Explanation:
    """The explanation of one study, which has the place `number` in its source.

    Explained are the images of the input `modality`, by default of the first one. Raises `UsageError` for a modality or
    a finding that the model does not know, and `DataError` where the study has no such images.
    """
    check_names(saved, modality, findings)
    batch = read_study(saved, study, reports=reports, modality=modality).batch
    images = modality or image_inputs(saved)[0]
    if not len(batch.inputs[images].values):
        raise DataError(f"no images that the model reads as '{images}'")
    with torch.no_grad():
        features = saved.model(batch.to(device_of(saved))).features
    words = {}
    for name in text_inputs(saved):
        tokens = saved.tokenizers[name].words(batch.inputs[name].values.tolist())
        weights = _weights(features[name], tokens)
        if weights:
            words[name] = weights
    numbers = slices_of(batch, images)[1]
    return Explanation(
        study_id=study.study_id,
        modality=images,
        findings=_likeliest(saved, batch, images, findings or saved.facts.findings, top),
        slice_weights=_weights(features[images], numbers),
        word_weights=words,
        number=number,
    )


def check_names(saved: SavedModel, modality: str | None, findings: Sequence[str]) -> None:
    """Raises `UsageError` for a modality or a finding that the model does not know, or where it reads no images."""
    for finding in findings:
        if finding not in saved.facts.findings:
            raise UsageError(f"--finding {finding}: not of this model; {did_you_mean(finding, saved.facts.findings)}")
    image_input(saved, modality)
    if not image_inputs(saved):
        raise UsageError("the model reads no images, of which a picture could be explained")


def _likeliest(
    saved: SavedModel, batch: Batch, modality: str, findings: Sequence[str], top: int
) -> dict[str, tuple[ExplainedSlice, ...]]:
    """The `top` slices of each finding with their heat. The heat is a share of the largest over all slices of the
    study, so the gradient of every slice is needed, but of these findings alone."""
    columns = [saved.facts.findings.index(finding) for finding in findings]
    on_device = batch.to(device_of(saved))
    heat, scores = (values.cpu() for values in heatmaps(saved.model, on_device, modality, columns))
    branch = saved.model.branches[modality]
    assert isinstance(branch, ImageBranch)  # heatmaps has refused any other
    grey = branch.view(on_device.inputs[modality].values)[:, 0].float().cpu()
    numbers = slices_of(batch, modality)[1]
    slices = {}
    for place, finding in enumerate(findings):
        likely = scores[:, place].argsort(descending=True)[:top].tolist()
        slices[finding] = tuple(
            ExplainedSlice(numbers[i], float(scores[i, place]), grey[i].numpy(), heat[i, place].numpy()) for i in likely
        )
    return slices


def _weights(features: Features, items: Sequence[Item]) -> tuple[tuple[Item, float], ...] | None:
    """How much each item counted, in order; None where the model does not weigh them."""
    if features.weights is None:
        return None
    shares = features.weights[0][features.mask[0]].tolist()
    # A text may have more words than the encoder took.
    return tuple(zip(items, shares, strict=False))
