"""Losses: logits and labels `[k f]`, NaN where unknown, to one number in float32.

A loss is a mean over the known labels. Where no label is known the loss is 0 but keeps its graph to the logits, so that
backward() works on every process. Class weights come from the share of the training labels that is positive, and from
nothing else.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from mmdx.errors import UsageError, did_you_mean
from mmdx.registry import LOSSES
from mmdx.study import groups_of

HEAVIEST = 20.0
"""What a class weighs at most, as a positive does where 1 label in 40 is one: few labels must not outweigh the rest."""
ClassWeights = Literal["none", "balanced"]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Loss(nn.Module, ABC):
    """How far logits are from labels.

    `findings` names the columns; `prevalence` is the share of their training labels that is positive, NaN where none
    is known.
    """

    @abstractmethod
    def forward(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]: ...

    @property
    def exclusive(self) -> list[list[int]]:
        """The columns of findings of which a row has one alone, one list per group; none where each is by itself."""
        return []

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """What the logits say under this loss, from 0 to 1, in float32."""
        return logits.float().sigmoid()


@LOSSES("bce")
class Bce(Loss):
    """Binary cross-entropy, each finding by itself; classes and findings can be weighed.

    `class_weights: balanced` lets the positives and the negatives of a finding weigh the same over the training set:
    1 / (2 p) and 1 / (2 (1 - p)), p being its prevalence, at most 20; a finding of which training knows one class
    alone, or none, stays as it is. `finding_weights` multiplies the loss of the findings that it names, and the mean
    is weighted by it: `{any: 2}` over the six findings of RSNA 2019 is the metric of that challenge. `smoothing` moves
    labels towards a half: a positive becomes 1 - `smoothing` / 2, a negative `smoothing` / 2 (Szegedy et al. 2016).
    """

    positive: Tensor
    negative: Tensor
    columns: Tensor

    def __init__(
        self,
        findings: tuple[str, ...],
        prevalence: tuple[float, ...],
        *,
        class_weights: ClassWeights = "none",
        finding_weights: dict[str, NotNegative] | None = None,
        smoothing: Share = 0.0,
    ) -> None:
        super().__init__()
        self.smoothing = smoothing
        pairs = [balanced(p) if class_weights == "balanced" else (1.0, 1.0) for p in prevalence]
        weights = _by_finding(finding_weights or {}, findings)
        self.register_buffer("positive", torch.tensor([p for p, _ in pairs]), persistent=False)
        self.register_buffer("negative", torch.tensor([n for _, n in pairs]), persistent=False)
        self.register_buffer("columns", torch.tensor(weights), persistent=False)

    def forward(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
        return known_mean(self.of_each(logits, labels), ~labels.isnan(), self.columns)

    def of_each(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """What each label costs, by the weight of its class, before the mean; an unknown one is taken for 0."""
        soft = labels * (1 - self.smoothing) + self.smoothing / 2
        return torch.where(labels == 1, self.positive, self.negative) * _plain(logits, soft)


@LOSSES("cross_entropy")
class CrossEntropy(Loss):
    """Softmax cross-entropy within each group of findings `GROUP/CLASS`, binary cross-entropy for findings of none.

    A row in which some classes are 0 and the others unknown says what it is not: its loss is -log of the sum of the
    probabilities of the classes that are left. A row that leaves no class (it is of one that `data.findings` does not
    name) or knows none is skipped. A group is one term of the mean, as a finding is.
    `class_weights: balanced` lets the classes of a group weigh the same over the training set: 1 / (C p) for C classes,
    at most 20; a row that leaves several classes weighs what these do on average. `smoothing` deals that share of a row
    evenly among the classes of its group; findings of no group are smoothed as under `bce`.
    """

    weights: Tensor

    def __init__(
        self,
        findings: tuple[str, ...],
        prevalence: tuple[float, ...],
        *,
        class_weights: ClassWeights = "none",
        smoothing: Share = 0.0,
    ) -> None:
        super().__init__()
        self.smoothing = smoothing
        groups = groups_of(findings)
        if not groups:
            raise UsageError(
                f"loss cross_entropy: none of the findings ({', '.join(findings)}) is a class of a group GROUP/CLASS; "
                "take bce"
            )
        self.groups = [[findings.index(member) for member in members] for members in groups.values()]
        grouped = {column for columns in self.groups for column in columns}
        self.alone = [column for column in range(len(findings)) if column not in grouped]
        weights = torch.ones(len(findings))
        for columns in self.groups if class_weights == "balanced" else []:
            shares = [prevalence[column] for column in columns]
            weights[columns] = torch.tensor([_class_weight(p, len(columns)) for p in shares])
        self.register_buffer("weights", weights, persistent=False)
        self.single = Bce(
            tuple(findings[column] for column in self.alone),
            tuple(prevalence[column] for column in self.alone),
            class_weights=class_weights,
            smoothing=smoothing,
        )

    def forward(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
        losses, counted = [], []
        for columns in self.groups:
            left = _classes_left(labels[:, columns])
            counts = left.any(dim=1) & ~labels[:, columns].isnan().all(dim=1)
            left = left | ~counts[:, None]  # the skipped rows: finite, and masked below
            scores = logits[:, columns].float()
            # Not -inf, of which a gradient would be NaN.
            among = scores.masked_fill(~left, torch.finfo(torch.float32).min)
            weights = (self.weights[columns] * left).sum(dim=1) / left.sum(dim=1)
            whole = scores.logsumexp(dim=1)
            costs = (1 - self.smoothing) * (whole - among.logsumexp(dim=1))
            losses.append(weights * (costs + self.smoothing * (whole - scores.mean(dim=1))))
            counted.append(counts)
        single = labels[:, self.alone]
        losses = torch.cat([torch.stack(losses, dim=1), self.single.of_each(logits[:, self.alone], single)], dim=1)
        return known_mean(losses, torch.cat([torch.stack(counted, dim=1), ~single.isnan()], dim=1))

    @property
    def exclusive(self) -> list[list[int]]:
        return self.groups

    def probabilities(self, logits: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
        """Those of the classes of a group sum to 1."""
        probabilities = logits.float().sigmoid()
        for columns in self.groups:
            probabilities[:, columns] = logits[:, columns].float().softmax(dim=1)
        return probabilities


@LOSSES("focal")
class Focal(Loss):
    """Binary cross-entropy times (1 - p_t)^gamma, p_t being the probability of the label (Lin et al. 2017, ICCV).

    `gamma` is how much less a label counts that is answered well already; 0 is plain binary cross-entropy. `alpha`,
    where it is given, weighs the positives, and 1 - alpha the negatives.
    """

    def __init__(
        self,
        findings: tuple[str, ...],
        prevalence: tuple[float, ...],
        *,
        gamma: NotNegative = 2.0,
        alpha: Annotated[float, Field(ge=0, le=1)] | None = None,
    ) -> None:
        super().__init__()
        self.gamma, self.alpha = gamma, alpha

    def forward(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
        positive = labels == 1
        logits = logits.float()
        # log(1 - p_t) itself: a power of 1 - p_t has no finite gradient where p_t is 1 and gamma below 1.
        doubt = (self.gamma * F.logsigmoid(torch.where(positive, -logits, logits))).exp()
        weights = 1.0 if self.alpha is None else torch.where(positive, self.alpha, 1 - self.alpha)
        return known_mean(weights * doubt * _plain(logits, labels), ~labels.isnan())


@LOSSES("asymmetric")
class Asymmetric(Loss):
    """Focal loss with one gamma per class, without the negatives below a margin (Ridnik et al. 2021, ICCV).

    A positive of probability p costs -(1 - p)^positive_gamma log p, a negative -q^negative_gamma log(1 - q), where
    q is max(p - margin, 0). The defaults are those of the authors' code; unlike there by default, the gradient goes
    through the powers as well.
    """

    def __init__(
        self,
        findings: tuple[str, ...],
        prevalence: tuple[float, ...],
        *,
        positive_gamma: NotNegative = 1.0,
        negative_gamma: NotNegative = 4.0,
        margin: Annotated[float, Field(ge=0, lt=1)] = 0.05,
    ) -> None:
        super().__init__()
        self.positive_gamma, self.negative_gamma, self.margin = positive_gamma, negative_gamma, margin

    def forward(self, logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
        logits = logits.float()
        yes, no = F.logsigmoid(logits), F.logsigmoid(-logits)
        positives = -(self.positive_gamma * no).exp() * yes
        # Never quite 0, where a power below 1 has no finite gradient.
        shifted = (yes.exp() - self.margin).clamp(min=1e-8)
        negatives = -(shifted**self.negative_gamma) * (
            (no.exp() + self.margin).clamp(max=1).log() if self.margin else no
        )
        return known_mean(torch.where(labels == 1, positives, negatives), ~labels.isnan())


def known_bce(logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, ""]:
    """Mean binary cross-entropy over the labels that are not NaN, in float32; 0 with its graph where all are."""
    return known_mean(_plain(logits, labels), ~labels.isnan())


def known_mean(
    losses: Float[Tensor, "k t"], known: Bool[Tensor, "k t"], weights: Float[Tensor, "t"] | None = None
) -> Float[Tensor, ""]:
    """The mean of the terms that are `known`, each column by its weight; 0 with its graph where none is."""
    counts = known.float() if weights is None else known * weights
    # A weight of 0 everywhere leaves nothing to divide by, as no known label does.
    total = counts.sum()
    return (losses * counts).sum() / torch.where(total > 0, total, 1.0)


def balanced(prevalence: float) -> tuple[float, float]:
    """What a positive and a negative weigh, for both classes to weigh the same; 1 each where training has one alone."""
    if math.isnan(prevalence) or not 0 < prevalence < 1:
        return 1.0, 1.0
    return _class_weight(prevalence, 2), _class_weight(1 - prevalence, 2)


def _class_weight(share: float, classes: int) -> float:
    """1 where training has no row of the class: there is none to weigh."""
    return min(1 / (classes * share), HEAVIEST) if share > 0 else 1.0


def _plain(logits: Float[Tensor, "k f"], labels: Float[Tensor, "k f"]) -> Float[Tensor, "k f"]:
    """Binary cross-entropy of each logit, an unknown label taken for 0."""
    return F.binary_cross_entropy_with_logits(logits.float(), labels.nan_to_num(), reduction="none")


def _classes_left(labels: Float[Tensor, "k c"]) -> Bool[Tensor, "k c"]:
    """The classes of a group that a row can be of: the one that is 1, else those that are not 0."""
    positive = labels == 1
    return torch.where(positive.any(dim=1, keepdim=True), positive, labels != 0)


def _by_finding(weights: Mapping[str, float], findings: Sequence[str]) -> list[float]:
    """One weight per finding, 1 where none is set. Raises `UsageError` for a finding that there is not."""
    strange = next((name for name in weights if name not in findings), None)
    if strange is not None:
        raise UsageError(f"loss bce: finding_weights names '{strange}'; {did_you_mean(strange, findings)}")
    return [weights.get(finding, 1.0) for finding in findings]
