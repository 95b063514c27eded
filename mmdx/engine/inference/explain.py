"""`mmdx explain`: on what a model's answer stands, as pictures of slices and as JSON.

For each study in the input and each of its findings: the slices with the highest probability under their Grad-CAM, how
much each slice counted where the sequence model weighs them, and each word where the text encoder does. Pictures carry
the finding, its probability and the number of the slice, and nothing of the patient.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mmdx.batch import Batch, Features
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.overlay import Overlay, draw_overlay
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
from mmdx.engine.scoring.boxes import slices_of
from mmdx.engine.scoring.grad_cam import heatmaps
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.models.branches.images import ImageBranch

TOP = 3
"""Slices a finding that are drawn, the likeliest first."""


@dataclass(frozen=True)
class Explained:
    """One study under the model: heat `[n f h w]` and probability `[n f]` of its images, and what was looked at."""

    heat: Float[Tensor, "n f h w"]
    scores: Float[Tensor, "n f"]
    grey: Float[Tensor, "n h w"]
    slices: list[int]


def explain_input(
    run: Path,
    source: Path,
    out: Path,
    console: Console,
    *,
    report: Sequence[str] = (),
    modality: str | None = None,
    findings: Sequence[str] = (),
    top: int = TOP,
) -> None:
    """Explains every study in `source`; leaves `explain.json` and a PNG a slice in `out`, a folder a study.

    `report` holds files as `read_reports` takes them; `findings` are the ones to explain, by default those of the
    model. Raises `UsageError` for a finding or a modality
    that the model does not know, and `DataError` with a line for each study that was refused, after the others.
    """
    saved = load_model(model_folder(run))
    chosen = _known_findings(saved, findings)
    named, images = image_input(saved, modality), _image_modality(saved, modality)
    reports = read_reports(saved, report)
    make_folder(out)
    told: list[dict[str, Any]] = []
    refused: list[str] = []
    with opened(source) as folder:
        studies = join_inputs(studies_of(folder, source), image_inputs(saved), folder.resolve().name)
        if reports and len(studies) != 1:
            raise UsageError(f"--report: {source} holds {len(studies)} studies; give the one that it belongs to")
        for number, study in enumerate(studies, start=1):
            try:
                batch = read_study(saved, study, named, reports).batch
                if not len(batch.inputs[images].values):
                    raise DataError(f"no images that the model reads as '{images}'")
                where = f"study-{number:03d}"  # no identifier in names of files
                told.append(explain_batch(saved, batch, images, chosen, out / where, top) | {"folder": where})
            except DataError as error:
                refused.append(f"refused: {study.study_id}: {error}")
    (out / "explain.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for study in told:
        _show(study, console)
    console.print(f"explained:  {out / 'explain.json'}", markup=False, highlight=False, soft_wrap=True)
    if refused:
        raise DataError(refused)


def explain_batch(
    saved: SavedModel,
    batch: Batch,
    modality: str,
    findings: Sequence[str],
    folder: Path,
    top: int,
) -> dict[str, Any]:
    """One study in a batch of its own: its pictures in `folder`, and what stands in the JSON."""
    seen = look(saved, batch, modality)
    with torch.no_grad():
        features = saved.model(batch).features
    folder.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"study_id": batch.study_ids[0], "modality": modality, "findings": {}}
    for finding in findings:
        column = saved.facts.findings.index(finding)
        scores = seen.scores[:, column]
        drawn = []
        for image in scores.argsort(descending=True)[:top].tolist():
            name = f"{_plain(finding)}-slice{seen.slices[image]:03d}.png"
            picture = Overlay(
                seen.grey[image].numpy(), seen.heat[image, column].numpy(), finding, float(scores[image]),
                f"{modality}, slice {seen.slices[image]}",
            )  # fmt: skip
            draw_overlay(picture, folder / name)
            drawn.append({"slice": seen.slices[image], "probability": float(scores[image]), "picture": name})
        result["findings"][finding] = {"slices": drawn}
    result["slice_weights"] = _weights(features[modality], seen.slices)
    for name, known in saved.facts.inputs.items():
        words = (
            _weights(features[name], saved.tokenizers[name].words(batch.inputs[name].values.tolist()))
            if known.kind == "text"
            else None
        )
        if words:
            result.setdefault("word_weights", {})[name] = words
    return result


def look(saved: SavedModel, batch: Batch, modality: str) -> Explained:
    """Heat, probability and grey picture of each image of a batch."""
    heat, scores = heatmaps(saved.model, batch, modality)
    branch = saved.model.branches[modality]
    assert isinstance(branch, ImageBranch)  # heatmaps has refused any other
    grey = branch.view(batch.inputs[modality].values)[:, 0].float().cpu()
    return Explained(heat.cpu(), scores.cpu(), grey, slices_of(batch, modality)[1])


def _weights(features: Features, names: Sequence[Any]) -> list[dict[str, Any]] | None:
    """How much each item counted, in order; None where the model does not weigh them."""
    if features.weights is None:
        return None
    shares = features.weights[0][features.mask[0]].tolist()
    return [{"item": name, "weight": share} for name, share in zip(names, shares, strict=False)]


def _known_findings(saved: SavedModel, asked: Sequence[str]) -> list[str]:
    for finding in asked:
        if finding not in saved.facts.findings:
            raise UsageError(f"--finding {finding}: not of this model; {did_you_mean(finding, saved.facts.findings)}")
    return list(asked or saved.facts.findings)


def _image_modality(saved: SavedModel, modality: str | None) -> str:
    """The images to explain: those that were named, else the first that the model reads."""
    images = image_inputs(saved)
    if not images:
        raise UsageError("the model reads no images, of which a picture could be explained")
    return modality or images[0]


def _plain(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:80]


def _show(study: dict[str, Any], console: Console) -> None:
    console.print(f"{study['study_id']}  ({study['folder']})", markup=False, highlight=False)
    table = Table("finding", "likeliest slices (probability)")
    for finding, told in study["findings"].items():
        table.add_row(finding, ", ".join(f"{s['slice']} ({s['probability']:.2f})" for s in told["slices"]))
    console.print(table)
    for name, weights in study.get("word_weights", {}).items():
        words = sorted(weights, key=lambda entry: -entry["weight"])[:5]
        line = ", ".join(f"{entry['item']} {entry['weight']:.2f}" for entry in words)
        console.print(f"{name}: {line}", markup=False, highlight=False)
