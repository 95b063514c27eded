"""Summaries: one modality of a study as a fixed vector, in which nothing is learned by its labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from mmdx.models.packing import item_mask, masked_max, pad
from mmdx.models.tabular import standardised, width_of
from mmdx.study import Column


class Summary(nn.Module, ABC):
    """Packed items `[n *rest]` and lengths `[b]` to `[b k]`, k being `width`, in float32.

    The row of a study that lacks the modality is finite and means nothing.
    """

    width: int

    @abstractmethod
    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]: ...


class WordCounts(Summary):
    """The words of a text and its pairs of words, weighted by tf-idf: as scikit-learn's TfidfVectorizer with
    `sublinear_tf` and `ngram_range=(1, 2)`, on token ids.

    `keys [k]` are the terms, rising (`term_keys`), `idf [k]` how rare each is in training texts, `worded [v]` the ids
    of the vocabulary that are words, and not punctuation: pairs reach over the others, which count nothing.
    """

    keys: Tensor
    idf: Tensor
    worded: Tensor

    def __init__(self, keys: Int[Tensor, "k"], idf: Float[Tensor, "k"], worded: Bool[Tensor, "v"]) -> None:
        super().__init__()
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("idf", idf.float(), persistent=False)
        self.register_buffer("worded", worded, persistent=False)
        self.width = len(keys)

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]:
        studies, keys = term_keys(values, lengths, self.worded)
        counts = self.idf.new_zeros(len(lengths), self.width)
        if not self.width:
            return counts
        at = torch.searchsorted(self.keys, keys).clamp(max=self.width - 1)
        known = self.keys[at] == keys
        ones = counts.new_ones(int(known.sum()))
        counts = counts.index_put((studies[known], at[known]), ones, accumulate=True)
        return F.normalize(torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0.0) * self.idf, dim=-1)


def term_keys(
    tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"], worded: Bool[Tensor, "v"]
) -> tuple[Int[Tensor, "t"], Int[Tensor, "t"]]:
    """The study and the key of each term: of words their id, then of two words in a row (a, b) `v * (a + 1) + b`."""
    studies = torch.arange(len(lengths), device=tokens.device).repeat_interleave(lengths)
    kept = worded[tokens]
    words, studies = tokens[kept], studies[kept]
    together = studies[1:] == studies[:-1]
    pairs = (len(worded) * (words[:-1] + 1) + words[1:])[together]
    return torch.cat([studies, studies[1:][together]]), torch.cat([words, pairs])


class MeanAndMax(Summary):
    """The mean and the maximum of the descriptors of a study, side by side."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.width = 2 * descriptor

    def forward(self, values: Shaped[Tensor, "n *rest"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "b k"]:
        mask = item_mask(lengths)
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
        return pad(standardised(values, self.columns), item_mask(lengths))[:, 0]
