"""Where a finding is: boxes on the images of a modality, from its encoder's feature maps and what the study says.

An anchor-free detector (FCOS, Tian et al. 2019, ICCV) on torchvision's parts: every cell of every map says for each
finding whether it lies in the middle of one, how far the four edges are, and how central it is. Unlike there, each
finding has edges of its own, for findings may lie over one another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn
from torchvision.models.detection.fcos import FCOSClassificationHead, FCOSRegressionHead
from torchvision.ops import FeaturePyramidNetwork, batched_nms, generalized_box_iou_loss, sigmoid_focal_loss

from mmdx.batch import Batch, Boxes, Features
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.models.heads.base import BranchSizes, Findings, Head
from mmdx.registry import HEADS

RADIUS = 1.5
"""How far from the middle of a box its cells may lie, in cells (centre sampling, as in torchvision)."""
FAR = 8.0
"""The farthest edge that the cells of a map answer for, in cells; beyond it the next map does, and the coarsest all."""
CANDIDATES = 300
"""How many boxes per image are looked at for overlap, from the likeliest on."""
MEMORY = 0.9
"""How much of the mean number of cells in boxes stays at each batch (as in Detectron2's RetinaNet)."""
FEW = 4
"""How many cells must say that a slice has a finding of which its boxes are unknown: the likeliest ones."""
PLACE, ANSWER = 3, 6
"""Numbers per cell (x, y, side), and per cell and finding (logit, four distances, logit of centrality)."""


@HEADS("boxes")
class BoxHead(Head):
    """Boxes per finding on each image of `modality`, from the `levels` coarsest feature maps and the fused vector.

    Left out, `modality` is the first image modality. The maps meet in a feature pyramid of width `hidden`; the fused
    representation scales and shifts its channels (FiLM, Perez et al. 2018), the same on all images of a study; towers
    of `layers` convolutions answer. Of boxes that overlap by more than `overlap` (IoU) the likeliest stays; boxes below
    the score `least` are dropped, and those beyond the `most` likeliest of an image. Logits `[n a c]`: n images, a
    cells over all maps, c numbers per cell, which are x, y and side in pixels, then six numbers per finding.

    For few boxes: with `shared` all findings have the same edges and centrality at a cell; `mirror` shows each cell how
    it differs from the cell that mirrors it, left to right; `weak` weighs a loss of slices that are labelled positive
    and have no box (`weak_loss`).
    """

    level = "box"

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        modality: str | None = None,
        levels: Annotated[int, Field(ge=1)] = 3,
        hidden: Annotated[int, Field(ge=1)] = 64,
        layers: Annotated[int, Field(ge=0)] = 2,
        overlap: Annotated[float, Field(gt=0, le=1)] = 0.5,
        least: Annotated[float, Field(ge=0, lt=1)] = 0.05,
        most: Annotated[int, Field(ge=1)] = 20,
        shared: bool = False,
        mirror: bool = False,
        weak: Annotated[float, Field(ge=0)] = 0.0,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.images = self.modality = _image_modality(modality, branches)
        channels = branches[self.images].maps
        if len(channels) < levels:
            raise UsageError(
                f"head boxes: the encoder of '{self.images}' gives {len(channels)} feature maps, and {levels} are "
                "asked for (levels); take a convolutional encoder of timm, such as resnet18"
            )
        self.maps, self.findings = levels, len(findings.names)
        self.pyramid = FeaturePyramidNetwork(list(channels[-levels:]), hidden)
        self.condition = nn.Linear(dim, 2 * hidden)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)
        self.both = nn.Conv2d(2 * hidden, hidden, 1) if mirror else None
        norm = partial(nn.GroupNorm, math.gcd(hidden, 32))
        self.classify = FCOSClassificationHead(hidden, 1, self.findings, layers, norm_layer=norm)
        self.regress = FCOSRegressionHead(hidden, 1 if shared else self.findings, layers, norm_layer=norm)
        # Distances pass a ReLU: all start above it, or half of them would never learn.
        nn.init.ones_(cast(Tensor, self.regress.bbox_reg.bias))
        self.overlap, self.least, self.most, self.weak, self.weight = overlap, least, most, weak, weight
        # The sum of cells in boxes over batches, and of batches, both fading.
        self.register_buffer("seen", torch.zeros(2))

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "n a c"]:
        packed, maps = batch.inputs[self.images], encoded[self.images].maps[-self.maps :]
        study = torch.arange(len(fused), device=fused.device).repeat_interleave(packed.lengths)
        if len(study) != len(maps[0]):  # one blank image, which belongs to no study
            study = study.new_zeros(len(maps[0]))
        scale, shift = self.condition(fused)[study, :, None, None].chunk(2, dim=1)
        levels = self.pyramid({str(level): features for level, features in enumerate(maps)})
        levels = [level * (1 + scale) + shift for level in levels.values()]
        if self.both is not None:
            levels = [self.both(torch.cat([level, level - level.flip(-1)], dim=1)) for level in levels]
        distances, central = self.regress(levels)
        scores = self.classify(levels)
        cells = scores.shape[:2]
        places = cell_places([level.shape[-2:] for level in levels], packed.values.shape[-2:]).to(fused.device)
        places = places.expand(cells[0], -1, -1)
        edges = [part.reshape(*cells, -1, width) for part, width in ((distances, 4), (central, 1))]
        answers = [scores[..., None], *(part.expand(-1, -1, self.findings, -1) for part in edges)]
        numbers = torch.cat([answer.float() for answer in answers], dim=-1).flatten(2)
        return torch.cat([places, numbers], dim=-1)[: len(packed.values)]

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return known_boxes(batch, self.images)

    def probabilities(self, logits: Float[Tensor, "n a c"]) -> Float[Tensor, "n a f"]:
        """The score of each cell and finding: the geometric mean of the chances that it is one, and central to it."""
        _, answers = taken_apart(logits)
        return (answers[..., 0].sigmoid() * answers[..., 5].sigmoid()).sqrt()

    def loss(self, logits: Float[Tensor, "n a c"], batch: Batch) -> Float[Tensor, ""]:
        """Focal loss over all cells, plus overlap and centrality of the cells in boxes, per cell that a batch has in
        boxes, as a running mean over the batches of training.

        Cells of an image and finding of which nothing is known count nothing, but in `weak` times `weak_loss`.
        """
        places, answers = taken_apart(logits.float())
        labelled = ~self.targets(batch).isnan()
        boxes = batch.boxes.get(self.images) or _no_boxes(logits)
        owner = assign(boxes, places, len(answers), self.findings)
        inside = owner >= 0
        focal = sigmoid_focal_loss(answers[..., 0], inside.float(), reduction="none")
        focal = (focal * labelled[:, None]).sum()
        truth, cell = boxes.corners[owner[inside]], inside.nonzero()[:, 1]
        corners = corners_of(places[cell], answers[inside])
        overlap = generalized_box_iou_loss(corners, truth, reduction="sum")
        aim = centrality(places[cell], truth)
        central = F.binary_cross_entropy_with_logits(answers[inside][:, 5], aim, reduction="sum")
        total = (focal + overlap + central) / self._usual(inside.sum())
        if not self.weak:
            return total
        unknown = (batch.slice_labels[self.images] == 1) & ~labelled
        return total + self.weak * weak_loss(answers[..., 0], unknown)

    def _usual(self, inside: Int[Tensor, ""]) -> Float[Tensor, ""]:
        """How many cells lie in boxes in a batch, on average; at least 1.

        By them and not by all cells, for nearly all are background. On average, or else a batch of one study without a
        box would be divided by 1, and one with boxes by hundreds: background would drown what is known of lesions.
        """
        if self.training:
            self.seen = MEMORY * self.seen + (1 - MEMORY) * torch.stack([inside.float(), torch.ones_like(self.seen[1])])
        return (self.seen[0] / self.seen[1]).nan_to_num().clamp(min=1)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
        state_dict.setdefault(f"{prefix}seen", self.seen)  # weights of earlier versions did not count
        super()._load_from_state_dict(state_dict, prefix, *others)

    def boxes(self, logits: Float[Tensor, "n a c"], height: int, width: int) -> tuple[Boxes, Float[Tensor, "k"]]:
        """The boxes of each image and their scores, from the likeliest of all images on; clipped to the image."""
        scores = self.probabilities(logits).flatten(1)
        scores, chosen = scores.topk(min(CANDIDATES, scores.shape[1]), dim=1)
        image, rank = (scores > self.least).nonzero(as_tuple=True)
        scores, chosen = scores[image, rank], chosen[image, rank]
        cell, finding = chosen // self.findings, chosen % self.findings
        places, answers = taken_apart(logits)
        corners = corners_of(places[cell], answers[image, cell, finding])
        edge = corners.new_tensor([width, height, width, height])
        corners = torch.minimum(corners.clamp(min=0), edge)
        # One group per image and finding: boxes of different findings may lie over one another.
        survivors = batched_nms(corners, scores, image * self.findings + finding, self.overlap)
        survivors = survivors[_place_within(image[survivors]) < self.most]
        return Boxes(corners[survivors], image[survivors], finding[survivors]), scores[survivors]


def weak_loss(cells: Float[Tensor, "n a f"], positive: Bool[Tensor, "n f"]) -> Float[Tensor, ""]:
    """How far the `FEW` likeliest cells are from a finding, as logits: the mean over the images and findings that are
    `positive` somewhere, nobody knows where; 0 without any (multiple instances, Li et al. 2018, CVPR).
    """
    likeliest = cells.topk(min(FEW, cells.shape[1]), dim=1).values.mean(dim=1)
    return (F.softplus(-likeliest) * positive).sum() / positive.sum().clamp(min=1)


def known_boxes(batch: Batch, modality: str) -> Float[Tensor, "n f"]:
    """What is known of the boxes of each image and finding: 1 where it has some, 0 where it has none, else NaN.

    Boxes of a finding on an image are taken for all that it has there. Without one, a slice label of 0 says that there
    is none; one of 1 says that the boxes are unknown, as no slice label does.
    """
    labels = batch.slice_labels[modality]
    presence = torch.where(labels == 0, labels, torch.nan)
    boxes = batch.boxes.get(modality)
    if boxes is None:
        return presence
    return presence.index_put((boxes.images, boxes.findings), presence.new_ones(()))


def cell_places(maps: list[torch.Size], image: torch.Size) -> Float[Tensor, "a 3"]:
    """The middle of each cell, x and y, and its side, in pixels of the image; map after map, row after row."""
    places = []
    for rows, columns in maps:
        side_y, side_x = image[0] / rows, image[1] / columns
        y, x = torch.meshgrid(
            (torch.arange(rows) + 0.5) * side_y, (torch.arange(columns) + 0.5) * side_x, indexing="ij"
        )
        places.append(torch.stack([x, y, torch.full_like(x, max(side_x, side_y))], dim=-1).reshape(-1, 3))
    return torch.cat(places)


def taken_apart(logits: Float[Tensor, "n a c"]) -> tuple[Float[Tensor, "a 3"], Float[Tensor, "n a f 6"]]:
    """Where the cells are, which all images share, and what they say of each finding."""
    answers = logits[..., PLACE:]
    # Detached: places are constants that travel with the logits, and no gradient may reach them.
    places = logits[0, :, :PLACE].detach() if len(logits) else logits.new_zeros(logits.shape[1], PLACE)
    return places, answers.reshape(*logits.shape[:2], answers.shape[2] // ANSWER, ANSWER)


def assign(boxes: Boxes, places: Float[Tensor, "a 3"], images: int, findings: int) -> Int[Tensor, "n a f"]:
    """Which box each cell answers for, by image and finding; -1 for none, and the smallest of several.

    A cell answers for a box when its middle lies within it, at most `RADIUS` cells from its middle, and the box has the
    size of its map; the nearest cell of the map of its size does in any case, so that no box is too small.
    """
    count, cells = len(boxes.corners), len(places)
    x, y, side = places.T
    x0, y0, x1, y1 = boxes.corners.T[..., None]
    edges = torch.stack([x - x0, y - y0, x1 - x, y1 - y])
    off = torch.maximum((x - (x0 + x1) / 2).abs(), (y - (y0 + y1) / 2).abs()) / side
    middle = (edges.amin(dim=0) > 0) & (off < RADIUS) & _fitting(edges.amax(dim=0), side)
    # The map that answers where no cell does: by half the longer side, as if the cell lay in the middle.
    fits = _fitting((torch.maximum(x1 - x0, y1 - y0) / 2).expand(count, cells), side)
    nearest = torch.where(fits, off, torch.inf).argmin(dim=1, keepdim=True)
    middle = middle | torch.zeros_like(middle).scatter(1, nearest, ~middle.any(dim=1, keepdim=True))
    # From here on a box is its rank by area, so that the least of the claims on a cell is the smallest box.
    order = ((x1 - x0) * (y1 - y0)).flatten().argsort(stable=True)
    rank = torch.empty_like(order).scatter(0, order, torch.arange(count, device=order.device))
    claims = torch.where(middle, rank[:, None], count)
    row = (boxes.images * findings + boxes.findings)[:, None].expand(count, cells)
    first = rank.new_full((images * findings, cells), count).scatter_reduce(0, row, claims, "amin")
    # The rank behind the last one stands for no box.
    owner = torch.cat([order, order.new_full((1,), -1)])[first]
    return owner.reshape(images, findings, cells).transpose(1, 2)


def _fitting(farthest: Float[Tensor, "k a"], side: Float[Tensor, "a"]) -> Bool[Tensor, "k a"]:
    """Whether the farthest edge is one for the map of the cell, and neither for a finer nor for a coarser one."""
    sides = side.unique()
    finer = torch.where(sides < side[:, None], sides, 0.0).amax(dim=1)
    high = torch.where(side < sides.max(), FAR * side, torch.inf)
    return (farthest >= FAR * finer) & (farthest < high)


def corners_of(places: Float[Tensor, "k 3"], answers: Float[Tensor, "k 6"]) -> Float[Tensor, "k 4"]:
    """The corners in pixels that cells say: distances are in sides of the cell."""
    middle, distances = places[:, [0, 1]], answers[:, 1:5] * places[:, 2:]
    return torch.cat([middle - distances[:, :2], middle + distances[:, 2:]], dim=1)


def centrality(places: Float[Tensor, "k 3"], truth: Float[Tensor, "k 4"]) -> Float[Tensor, "k"]:
    """1 in the middle of a box, 0 at its edge (Tian et al. 2019, eq. 3); 1 for the only cell of a box, outside it."""
    before, behind = places[:, :2] - truth[:, :2], truth[:, 2:] - places[:, :2]
    ratio = torch.minimum(before, behind) / torch.maximum(before, behind)
    return torch.where((ratio > 0).all(dim=1), ratio.clamp(min=0).prod(dim=1).sqrt(), 1.0)


def _image_modality(modality: str | None, branches: Mapping[str, BranchSizes]) -> str:
    names = [name for name, sizes in branches.items() if KINDS[sizes.kind].pictured]
    if not names:
        raise UsageError("head boxes: the model has no image modality; drop this head")
    if modality is not None and modality not in names:
        raise UsageError(f"head boxes: no image modality is called '{modality}'; {did_you_mean(modality, names)}")
    return modality or names[0]


def _no_boxes(like: Tensor) -> Boxes:
    none = torch.zeros(0, dtype=torch.long, device=like.device)
    return Boxes(like.new_zeros(0, 4), none, none)


def _place_within(groups: Int[Tensor, "k"]) -> Int[Tensor, "k"]:
    """How many of the same group stand before each."""
    order = groups.argsort(stable=True)
    _, counts = torch.unique_consecutive(groups[order], return_counts=True)
    starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    return torch.empty_like(order).scatter(0, order, torch.arange(len(order), device=order.device) - starts)
