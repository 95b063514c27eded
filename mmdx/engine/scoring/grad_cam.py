"""Where a model looked: Grad-CAM of the slices of a study, and boxes drawn around it.

Selvaraju et al. 2017 (ICCV): the channels of the encoder's last feature map that is fine enough, weighed by the mean
gradient that the logit sends to each, and what is positive of their sum. The gradient runs through everything behind
the map: the sequence model, so that a slice answers with what its neighbours said, and the fusion where the study's
logit is asked. What lies behind the encoder is small and runs backward for whole studies; the encoder does so for the
images that are asked for alone.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
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
from mmdx.models.branches.images import AT_ONCE, ImageBranch
from mmdx.models.heads.base import Level
from mmdx.models.model import MultimodalModel
from mmdx.models.packing import unpad
from mmdx.study import Split

SHARE = 0.4
"""The share of a slice's largest activation above which a box is drawn."""
LEAST_CELLS = 7
"""Cells each way that the map must have, as the last of a ResNet has of 224 pixels; smaller images take an earlier."""
LEAST_SIDE = 2
"""Pixels that a box must have each way."""


def heatmaps(
    model: MultimodalModel, batch: Batch, modality: str
) -> tuple[Float[Tensor, "n f h w"], Float[Tensor, "n f"]]:
    """Grad-CAM of each image and finding, from 0 to 1 over the images of its study, and the probability it explains.

    Raises `UsageError` for an encoder without feature maps and for a model without a head to explain.
    """
    name, level = explained_head(model, modality)
    with torch.no_grad():
        output = model(batch)
    owner, _ = slices_of(batch, modality)
    scores = model.answering[name].probabilities(output.logits[name])
    if level == "study":
        scores = scores[torch.tensor(owner, device=scores.device, dtype=torch.long)]
    count, findings = len(owner), scores.shape[1]
    asked = list(itertools.product(range(count), range(findings)))
    heat = heat_of(model, batch, output, modality, asked).unflatten(0, (count, findings))
    return shares_of_largest(heat, owner), scores


def heat_of(
    model: MultimodalModel, batch: Batch, output: Output, modality: str, asked: Sequence[tuple[int, int]]
) -> Float[Tensor, "p h w"]:
    """Grad-CAM of each pair of an image of `modality` and a finding, both by number: what is positive, in no unit.

    `output` is what the model says to the batch. The logit is the slice's own where a slice head answers for
    `modality`, and the study's else, of a stack that of its network, for linear models beside it look at no place. It
    hangs on an image by the vector that the encoder gives for it, so that the encoder runs once more for these images
    alone, `AT_ONCE` pairs at a time, forward and backward. Raises `UsageError` as `heatmaps` does.
    """
    branch = mapped_branch(model, modality)
    pulls = _pulls(model, batch, output, modality, asked)
    images = branch.images(batch.inputs[modality])
    places = torch.tensor([image for image, _ in asked], device=images.device, dtype=torch.long)
    with _gradients_to_maps(branch), torch.enable_grad():
        heats = [
            _weighed(branch, images[part], pull)
            for part, pull in zip(places.split(AT_ONCE), pulls.split(AT_ONCE), strict=True)
        ]
    size = batch.inputs[modality].values.shape[-2:]
    return F.interpolate(torch.cat(heats).unsqueeze(1), size, mode="bilinear", align_corners=False)[:, 0]


def boxes_around(heat: Float[Tensor, "n f h w"], scores: Float[Tensor, "n f"]) -> tuple[Boxes, Float[Tensor, "k"]]:
    """A box around each connected patch above `SHARE` of its slice's largest activation.

    Its score is the largest activation in it times the probability of the slice.
    """
    from scipy import ndimage  # imported here: an explanation draws no boxes

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


def mapped_branch(model: MultimodalModel, modality: str) -> ImageBranch:
    """The branch of `modality`. Raises `UsageError` where its encoder gives no feature maps."""
    branch = model.branches[modality]
    if not isinstance(branch, ImageBranch) or not branch.sizes.maps:
        raise UsageError(f"--modality {modality}: its encoder gives no feature maps, which Grad-CAM looks at")
    return branch


def _weighed(
    branch: ImageBranch, images: Float[Tensor, "p k h w"], pulls: Float[Tensor, "p v"]
) -> Float[Tensor, "p y x"]:
    """The positive part of the weighed channels of the feature map of each image, whose vector its logit pulls so."""
    vectors, maps = branch.encoder.with_maps(images, len(branch.sizes.maps))
    chosen = next((part for part in reversed(maps) if min(part.shape[-2:]) >= LEAST_CELLS), maps[0])
    # Images do not meet in the encoder: one backward pass serves all of them.
    (gradient,) = torch.autograd.grad(vectors, chosen, grad_outputs=pulls)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * chosen.detach()).sum(dim=1).clamp(min=0)


def _pulls(
    model: MultimodalModel, batch: Batch, output: Output, modality: str, asked: Sequence[tuple[int, int]]
) -> Float[Tensor, "p v"]:
    """The gradient that the logit of each pair of image and finding sends to the encoder's vector of the image."""
    name, level = explained_head(model, modality)
    owner, place = slices_of(batch, modality)
    before = output.features[modality]
    assert before.vectors is not None  # a branch of images keeps them
    vectors = unpad(before.vectors, before.mask).detach().clone()
    pulls = torch.zeros(len(asked), vectors.shape[1], device=vectors.device, dtype=vectors.dtype)
    # cuDNN's recurrent layers take no gradient in evaluation.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        vectors.requires_grad_(True)
        again = model.branches[modality](replace(batch.inputs[modality], values=vectors, encoded=True))
        features = model.stand_ins({**output.features, modality: again}, output.present)
        logits = model.answering[name](features, model.fusion(features), batch)
        # Studies do not meet: of each, one slice is asked at a time.
        turns: dict[tuple[int, int], list[int]] = defaultdict(list)
        for pair, (image, column) in enumerate(asked):
            turns[(column, place[image] if level == "slice" else 0)].append(pair)
        for (column, _), pairs in turns.items():
            images = [asked[pair][0] for pair in pairs]
            rows = images if level == "slice" else sorted({owner[image] for image in images})
            (gradient,) = torch.autograd.grad(logits[rows, column].sum(), vectors, retain_graph=True)
            pulls[pairs] = gradient[images]
    return pulls


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
def _gradients_to_maps(branch: Branch) -> Iterator[None]:
    """For a while gradients reach the feature maps of a branch, frozen ones too."""
    frozen = [p for p in branch.parameters() if not p.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
