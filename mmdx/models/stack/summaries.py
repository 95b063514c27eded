"""Summaries: one modality of a study as a fixed vector, in which nothing is learned by its labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from mmdx.models.packing import item_mask, masked_max, pad
from mmdx.models.tabular import standardised, width_of
from mmdx.models.text.bag import Bag
from mmdx.study import Column, Terms


class Summary(nn.Module, ABC):
    """Packed items `[n *rest]` and lengths `[b]` to `[b k]`, k being `width`, in float32.

    The row of a study that lacks the modality is finite and means nothing.
    """

    width: int

    @abstractmethod
    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]: ...


class Words(Summary):
    """The words of a text and its pairs of words, weighted by tf-idf."""

    def __init__(self, terms: Terms) -> None:
        super().__init__()
        self.terms, self.bag = terms, Bag(terms)
        self.width = self.bag.dim

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]:
        mask = item_mask(lengths, values)
        vectors, _ = self.bag(pad(values, mask), mask)
        return vectors


class MeanAndMax(Summary):
    """The mean and the maximum of the descriptors of a study, side by side."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.width = 2 * descriptor

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]:
        mask = item_mask(lengths, values)
        items = pad(values.float(), mask)
        mean = items.sum(dim=1) / lengths.clamp(min=1)[:, None]
        return torch.cat([mean, masked_max(items, mask)], dim=1)


class Standardised(Summary):
    """The row of a table, as a table encoder sees it: numbers by their spread, one place per word."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.width = width_of(self.columns)

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]:
        return pad(standardised(values, self.columns), item_mask(lengths, values))[:, 0]
