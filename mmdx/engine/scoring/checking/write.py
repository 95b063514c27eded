"""The file of checked explanations of a run: `predictions/test_explanations.csv`, which `mmdx compare` reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmdx.data.counting import Count, uncounted
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import store_of
from mmdx.engine.passing import passing
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.runs.threads import threads_of_run
from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.checking.heat import METHODS, dealt_anew, grad_cam, likeness, rolled, under
from mmdx.engine.scoring.checking.measures import deletion, hit, insertion, removal
from mmdx.engine.scoring.lone import alone
from mmdx.engine.scoring.score import answered
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout, written
from mmdx.kinds import KINDS
from mmdx.models.model import MultimodalModel
from mmdx.schema import Config
from mmdx.stats.sections.explanations.files import COLUMNS, explanations_path

MOST_STUDIES = 40
"""Studies with the finding that are looked at, of each finding, by default."""
Row = tuple[str, str, str, str, str, float, float]


def write_explanations(folder: Path, *, most: int = MOST_STUDIES, count: Count = uncounted) -> Path:
    """Checks the explanations of a finished run on test studies that have a finding, and writes what comes of it.

    Raises `UsageError` for an ensemble, a model without images or without feature maps, and `DataError` where no test
    study is known to have a finding.
    """
    run = RunLayout(folder)
    saved = load_model(model_folder(folder))
    if saved.others:
        raise UsageError(f"{folder}: is an ensemble, whose members have explanations of their own; give one of them")
    modality = next((name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].pictured), None)
    if modality is None:
        raise UsageError(f"{folder}: reads no images, and explanations are heat over images")
    accelerator = alone(folder, "explanations")
    with threads_of_run(run):
        store = store_of(run, saved.config, accelerator)
        saved = saved.to(accelerator.device)
        pictured = [row for row in splits_of(run, store).joined().rows("test") if store.lengths(modality)[row]]
        labels = store.labels[:, store.columns_of(saved.facts.findings)]
        chosen = _chosen(labels, pictured, most, saved.config.seed)
        if not chosen:
            raise DataError(f"{store.folder}: no test study with images is known to have a finding, to be explained")
        rows, place = list[Row](), {study: row for row, study in enumerate(store.study_ids)}
        chance = torch.Generator().manual_seed(saved.config.seed)
        blank = dealt_anew(saved.model, chance)
        by_study = saved.with_config(_one_at_a_time)
        batches = answered(by_study, store, list(chosen), None, accelerator, pixels=True)
        for number, (batch, output) in enumerate(batches):
            count("checking explanations", number, len(chosen), "studies")
            for column in chosen[place[batch.study_ids[0]]]:
                asked = Explained.of(saved.model, batch, output, modality, column)
                with passing("explaining", batch.study_ids):
                    rows += _checked(asked, saved.facts.findings[column], blank, chance)
    path = explanations_path(run.scores("test"))
    with written(path) as partial:
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(partial, index=False, float_format="%.7g")
    return path


def _chosen(labels: Float[np.ndarray, "n f"], rows: Sequence[int], most: int, seed: int) -> dict[int, list[int]]:
    """By row, the columns of the findings that are explained there: the first `most` of `rows` that have each, in an
    order drawn by the seed."""
    order = np.random.default_rng(seed).permutation(list(rows)).tolist()
    found: dict[int, list[int]] = {}
    for column in range(labels.shape[1]):
        for row in [row for row in order if labels[row, column] == 1][:most]:
            found.setdefault(row, []).append(column)
    return found


def _one_at_a_time(config: Config) -> Config:
    """A config whose batches have one study each, read by this process."""
    train = config.train.model_copy(update={"studies": 1, "workers": 0})
    return config.model_copy(update={"train": train})


def _checked(asked: Explained, finding: str, blank: MultimodalModel, chance: torch.Generator) -> Iterator[Row]:
    """Every measure of every method for one study and finding, each beside what chance would give."""
    batch = asked.batch
    head = (batch.study_ids[0], batch.patient_ids[0], finding)
    inside = _lesions(asked)
    for name, method in METHODS.items():
        heat = method(asked)
        if not heat.max() > 0:  # nothing speaks for the finding: there is no order of pixels to check
            continue
        elsewhere = rolled(heat, chance)
        yield (*head, name, "deletion", deletion(asked, heat), deletion(asked, elsewhere))
        yield (*head, name, "insertion", insertion(asked, heat), insertion(asked, elsewhere))
        if inside is not None:
            yield (*head, name, "hit", *hit(heat, inside))
    alike = likeness(grad_cam(asked), grad_cam(under(asked, blank)))
    if not np.isnan(alike):
        yield (*head, "Grad-CAM", "randomised", alike, 1.0)
    for modality in asked.reads:
        features = asked.output.features[modality]
        if features.weights is not None and asked.batch.inputs[modality].lengths[0] > 0:
            weights = features.weights[0][features.mask[0]]
            pair = removal(asked, modality, weights, chance)
            if pair is not None:
                yield (*head, f"weights of {modality}", "removal", *pair)
            labels = batch.slice_labels.get(modality)
            if labels is not None and (labels[:, asked.column] >= 0).all() and (labels[:, asked.column] == 1).any():
                known = labels[:, asked.column]
                yield (*head, f"weights of {modality}", "hit", float(known[weights.argmax()]), float(known.mean()))


def _lesions(asked: Explained) -> Bool[Tensor, "p h w"] | None:
    """The pixels of the images on which the answer stands that lie in a known box of the finding; None where the study
    has no such box."""
    boxes, values = asked.batch.boxes.get(asked.modality), asked.batch.inputs[asked.modality].values
    inside = torch.zeros((len(values), *values.shape[-2:]), dtype=torch.bool, device=values.device)
    if boxes is None:
        return None
    known = (boxes.images.tolist(), boxes.findings.tolist(), boxes.corners.tolist())
    for image, finding, corners in zip(*known, strict=True):
        if finding == asked.column:
            x0, y0, x1, y1 = (round(corner) for corner in corners)
            inside[image, y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
    return inside[list(asked.images)] if inside.any() else None
