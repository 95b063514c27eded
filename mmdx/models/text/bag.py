"""Reports as a bag of words and as a sequence at once, for some hundreds of reports and of any length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.models.packing import is_lone, item_mask, pad
from mmdx.models.select import Affine
from mmdx.models.text.words import BiLstmAttention, TextEncoder
from mmdx.registry import TEXT_ENCODERS
from mmdx.study import Terms

UNKNOWN = 1
"""The id of a word that a fitted tokenizer does not know."""


class Bag(nn.Module):
    """The tf-idf vector of a report over its terms (words, then pairs of neighbouring words), of length 1.

    As scikit-learn's TfidfVectorizer has it with `sublinear_tf` and `ngram_range=(1, 2)`.
    """

    words: Tensor
    codes: Tensor
    rarities: Tensor

    def __init__(self, terms: Terms) -> None:
        super().__init__()
        words = torch.tensor(terms.words)
        pairs = torch.tensor(terms.pairs, dtype=torch.int64).reshape(-1, 2)
        self.register_buffer("words", words, persistent=False)
        # Ascending, since pairs are; one that no token can make stands behind them, so that a search ends somewhere.
        codes = torch.cat([pairs[:, 0] * len(words) + pairs[:, 1], pairs.new_tensor([len(words) ** 2])])
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("rarities", torch.cat([words, torch.tensor([*terms.rarities, 0.0])]), persistent=False)
        self.dim = len(self.rarities) - 1

    def forward(
        self, ids: Int[Tensor, "b s"], shown: Bool[Tensor, "b s"]
    ) -> tuple[Float[Tensor, "b v"], Float[Tensor, "b s"]]:
        """The vectors of what is `shown`, and the share of each token in the squared length of its report's vector.

        Both tokens of a pair have half of its share.
        """
        count = ids.shape[1]
        own = torch.arange(count, device=ids.device)
        following = (own + 1).clamp(max=count - 1)
        codes = ids * len(self.words) + ids[:, following]
        places = _searched(self.codes, codes) if is_lone() else torch.searchsorted(self.codes, codes)
        paired = shown & shown[:, following] & (own < count - 1) & (self.codes[places] == codes)
        terms = torch.cat([ids, len(self.words) + places], dim=1)
        real = torch.cat([shown, paired], dim=1)
        counts = self.rarities.new_zeros(len(ids), self.dim + 1).scatter_add(1, terms, real.float())
        values = F.normalize(torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0.0) * self.rarities, dim=-1)
        shares = real * values.square().gather(1, terms) / counts.gather(1, terms).clamp(min=1)
        alone, together = shares[:, :count], shares[:, count:]
        before = torch.where(own > 0, together[:, (own - 1).clamp(min=0)], 0.0)
        return values[:, :-1], alone + together / 2 + before / 2


def _searched(ordered: Int[Tensor, "p"], values: Int[Tensor, "b s"]) -> Int[Tensor, "b s"]:
    """`torch.searchsorted` in steps that every format of models knows: how many of `ordered` are below each value,
    where the largest is below none."""
    found, step = torch.zeros_like(values), 1 << (len(ordered) - 1).bit_length()
    while step := step // 2:
        further = found + step
        below = (further <= len(ordered)) & (ordered[(further - 1).clamp(max=len(ordered) - 1)] < values)
        found = torch.where(below, further, found)
    return found


@TEXT_ENCODERS("bag_and_sequence")
class BagAndSequence(TextEncoder):
    """A bag of words and pairs of words, as TF-IDF has it, and a BiLSTM with attention that must earn its weight.

    Pooled is (1 - g) times `rank` principal components of the vector of `Bag`, fitted on training reports, then g times
    what `bilstm_attention` says of the report, in windows of `window` tokens; g starts at `share` and is learned. The
    weight of a token is mixed of both in the same shares. In training each token is hidden from both with the chance
    `word_dropout`. Items are those of the sequence.
    """

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        terms: Terms,
        *,
        rank: Annotated[int, Field(ge=1)] = 256,
        share: Annotated[float, Field(gt=0, lt=1)] = 0.1,
        embedding: int = 64,
        hidden: int = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        word_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        window: Annotated[int, Field(ge=8)] = 64,
        max_tokens: int = 4096,
    ) -> None:
        super().__init__()
        self.bag = Bag(terms)
        self.select = Affine(self.bag.dim, rank)
        self.sequence = BiLstmAttention(
            vocabulary, None, embedding=embedding, hidden=hidden, dropout=dropout, window=window
        )
        self.gate = nn.Parameter(torch.tensor(share).logit())
        self.word_dropout = word_dropout
        self.item_dim = self.sequence.item_dim
        self.dim = rank + self.sequence.dim
        self.architecture = {}

    def selection(self) -> Affine:
        return self.select

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths, tokens)
        ids, shown = pad(tokens, mask), mask
        if self.training and self.word_dropout:
            shown = mask & (torch.rand(mask.shape, device=mask.device) >= self.word_dropout)
        vectors, shares = self.bag(ids, shown)
        # A hidden word stays in its place, as one that no training report has.
        read = self.sequence.read(torch.where(shown, ids, UNKNOWN), mask)
        assert read.weights is not None
        gate = self.gate.sigmoid()
        pooled = torch.cat([(1 - gate) * self.select(vectors), gate * read.pooled], dim=-1)
        return Features(read.items, mask, pooled, weights=(1 - gate) * shares + gate * read.weights)
