"""Where a model looked: Grad-CAM of the slices of a study, and boxes drawn around it.

Selvaraju et al. 2017 (ICCV): the channels of the encoder's last feature map that is fine enough, weighed by the mean
gradient that the logit sends to each, and what is positive of their sum. The gradient runs through everything behind
the map: the sequence model, so that a slice answers with what its neighbours said, and the fusion where the study's
logit is asked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from scipy import ndimage
from torch import Tensor

from mmdx.batch import Batch, Boxes, Output
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.boxes import BoxRows, slices_of, write_boxes
from mmdx.engine.scoring.score import score_rows
from mmdx.errors import UsageError
from mmdx.files import BOXES_GRAD_CAM, scores_name
from mmdx.kinds import KINDS
from mmdx.models.branches.base import Branch
from mmdx.models.heads.base import Level
from mmdx.models.model import MultimodalModel
from mmdx.study import Split

SHARE = 0.4
"""The share of a slice's largest activation above which a box is drawn."""
LEAST_CELLS = 7
"""Cells each way that the map must have, as the last of a ResNet has of 224 pixels; smaller images take an earlier."""
LEAST_SIDE = 2
"""Pixels that a box must have each way."""


def heatmaps(
    model: MultimodalModel, batch: Batch, modality: str, findings: Sequence[int] | None = None
) -> tuple[Float[Tensor, "n f h w"], Float[Tensor, "n f"]]:
    """Grad-CAM of each image and finding, from 0 to 1 over the images of its study, and the probability it explains.

    `findings` are the columns of the findings to explain, all when None: each costs one backward pass per slice.
    The logit is the slice's own where a slice head answers for `modality`, and the study's else, of a stack that of its
    network, for linear models beside it look at no place. Raises `UsageError`
    for an encoder without feature maps and for a model without either head.
    """
    height, width = batch.inputs[modality].values.shape[-2:]
    owner, place = slices_of(batch, modality)
    with _gradients_to_maps(model, modality) as count, torch.enable_grad():
        output = model(batch, maps={modality: count})
        maps = output.features[modality].maps
        chosen = next((part for part in reversed(maps) if min(part.shape[-2:]) >= LEAST_CELLS), maps[0])
        name, level = explained_head(model, modality)
        logits = output.logits[name]
        columns = list(range(logits.shape[1])) if findings is None else list(findings)
        seen = output.unstacked.get(name, logits)
        heats = [_weighed(chosen, seen[:, column], owner, place, level) for column in columns]
    scores = model.answering[name].probabilities(logits.detach())[:, columns]
    if level == "study":
        scores = scores[torch.tensor(owner, device=scores.device, dtype=torch.long)]
    heat = torch.stack(heats, dim=1)[: len(owner)]
    large = F.interpolate(heat, (height, width), mode="bilinear", align_corners=False)
    return shares_of_largest(large, owner), scores


def boxes_around(heat: Float[Tensor, "n f h w"], scores: Float[Tensor, "n f"]) -> tuple[Boxes, Float[Tensor, "k"]]:
    """A box around each connected patch above `SHARE` of its slice's largest activation.

    Its score is the largest activation in it times the probability of the slice.
    """
    corners, images, findings, likely = [], [], [], []
    for image, finding in itertools.product(range(heat.shape[0]), range(heat.shape[1])):
        shown = heat[image, finding].cpu().numpy()
        labels, _ = cast(tuple[np.ndarray, int], ndimage.label((shown >= SHARE * shown.max()) & (shown > 0)))
        for patch, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            if min(rows.stop - rows.start, columns.stop - columns.start) >= LEAST_SIDE:
                corners.append([columns.start, rows.start, columns.stop, rows.stop])
                images.append(image)
                findings.append(finding)
                likely.append(float(shown[labels == patch].max() * scores[image, finding].item()))
    where = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    numbers = [torch.tensor(of_boxes, dtype=torch.long) for of_boxes in (images, findings)]
    return Boxes(where, *numbers), torch.tensor(likely, dtype=torch.float32)


def cam_boxes(setting: Setting, saved: SavedModel, split: Split, shown: Sequence[Sequence[str]], folder: Path) -> Path:
    """Boxes around the Grad-CAM of a split, in the form of a box head's: `<split>_boxes_grad_cam.csv` in `folder`.

    They are of the first image modality; a showing without it has none.
    """
    modality = next((name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].pictured), None)
    if modality is None:
        raise UsageError("--grad-cam: the model reads no images")
    rows, frames = setting.splits.rows(split), []
    for names in [names for names in shown if modality in names]:
        collector = BoxRows(saved.model, saved.facts.findings, "+".join(names))

        def collect(batch: Batch, _: Output, collector: BoxRows = collector) -> None:
            if len(batch.inputs[modality].values):
                collector.add(batch, modality, *boxes_around(*heatmaps(saved.model, batch, modality)))

        score_rows(saved, setting.store, rows, names, setting.accelerator, also=collect, pixels=True)
        frames.append(collector.frames())
    if setting.is_main:
        write_boxes(folder, split, frames, kind=BOXES_GRAD_CAM)
    setting.accelerator.wait_for_everyone()
    return folder / scores_name(split, BOXES_GRAD_CAM)


def explained_head(model: MultimodalModel, modality: str) -> tuple[str, Level]:
    """The head whose logits are explained, by name, and its level: of slices of `modality`, else of studies. Raises
    `UsageError` for a model with neither."""
    for name in [*model.heads_of("slice", modality=modality), *model.heads_of("study")]:
        return name, model.answering[name].level
    raise UsageError(f"the model has neither a slice head of '{modality}' nor a study head to explain")


def _weighed(
    maps: Float[Tensor, "n c y x"], logits: Float[Tensor, "k"], owner: list[int], place: list[int], level: str
) -> Float[Tensor, "n y x"]:
    """The positive part of the weighed channels; each slice with the gradient of its own logit."""
    if level == "study":
        gradient = _gradient(logits.sum(), maps)
    else:
        gradient = torch.zeros_like(maps)
        # Studies do not meet: of each, one slice is asked at a time.
        for turn in sorted(set(place)):
            chosen = torch.tensor([number == turn for number in place], device=maps.device)
            gradient[: len(owner)][chosen] = _gradient(logits[chosen].sum(), maps)[: len(owner)][chosen]
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * maps.detach()).sum(dim=1).clamp(min=0)


def _gradient(logit: Tensor, maps: Tensor) -> Tensor:
    return torch.autograd.grad(logit, maps, retain_graph=True)[0]


def shares_of_largest(maps: Float[Tensor, "n f h w"], owner: list[int]) -> Float[Tensor, "n f h w"]:
    """The maps as shares of the largest value over the images of their study, by finding; `owner` is the study of each
    image."""
    scaled = maps.clone()
    for study in set(owner):
        chosen = torch.tensor([number == study for number in owner], device=maps.device)
        largest = maps[chosen].amax(dim=(0, 2, 3), keepdim=True)
        scaled[chosen] = maps[chosen] / largest.clamp(min=torch.finfo(maps.dtype).tiny)
    return scaled


@contextmanager
def _gradients_to_maps(model: MultimodalModel, modality: str) -> Iterator[int]:
    """How many feature maps the branch of `modality` can give, while gradients reach them."""
    branch = model.branches[modality]
    if not isinstance(branch, Branch) or not branch.sizes.maps:
        raise UsageError(f"--modality {modality}: its encoder gives no feature maps, which Grad-CAM looks at")
    frozen = [p for p in branch.parameters() if not p.requires_grad]
    for parameter in frozen:  # else no gradient would reach the map
        parameter.requires_grad_(True)
    # cuDNN's recurrent layers take no gradient in evaluation.
    with torch.backends.cudnn.flags(enabled=False):
        try:
            yield len(branch.sizes.maps)
        finally:
            for parameter in frozen:
                parameter.requires_grad_(False)
