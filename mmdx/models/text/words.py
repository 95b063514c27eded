"""Reports: packed tokens become `Features`, one item per token.

Words and pairs of words beside a sequence are in `bag.py`, pretrained encoders in `transformer.py`;
docs/methods/text.md says when to choose which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from pydantic import Field
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.models.packing import item_mask, masked_softmax, pad
from mmdx.models.select import Affine
from mmdx.models.sequence.recurrent import run_recurrent
from mmdx.models.text.windows import Windows
from mmdx.registry import TEXT_ENCODERS


class TextEncoder(nn.Module, ABC):
    """Packed token ids `[n]` and lengths `[b]` to `Features`, items `item_dim` wide, pooled `dim` wide.

    An encoder with an option `source` reads with the tokenizer of that source; any other with one that is fitted on the
    training reports. `max_tokens`, an option of each, is how much of a report is read: of a longer one its first and
    its last half.
    """

    dim: int
    item_dim: int
    architecture: Mapping[str, Any]
    """What a saved model needs, beside its weights, to be made again with no file of the original encoder."""

    @abstractmethod
    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features: ...

    def selection(self) -> Affine | None:
        """What an encoder with the size `terms` and the option `rank` reads of the terms of a report; it is fitted on
        the training reports before the first step."""
        return None

    def pretrained_layers(self) -> Mapping[str, int]:
        """The layer of each pretrained weight by name, 0 being the one of the words; empty without any."""
        return {}


@TEXT_ENCODERS("bilstm_attention")
class BiLstmAttention(TextEncoder):
    """Word embeddings, a bidirectional LSTM, attention over its outputs (Yao et al. 2024); word weights are kept.

    The LSTM reads a report longer than `window` tokens in windows of so many, which overlap by a quarter (None: at
    once); attention is over all of it.
    """

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        *,
        embedding: int = 64,
        hidden: int = 64,
        dropout: float = 0.2,
        window: Annotated[int, Field(ge=8)] | None = None,
        max_tokens: int = 1024,
    ) -> None:
        super().__init__()
        self.window = window
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.content = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.dim = self.item_dim = 2 * hidden
        self.architecture = {}

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths, tokens)
        return self.read(pad(tokens, mask), mask)

    def read(self, ids: Int[Tensor, "b s"], mask: Bool[Tensor, "b s"]) -> Features:
        """The same of tokens that are padded already."""
        if self.window is None:
            items, _ = run_recurrent(self.lstm, self.dropout(self.embedding(ids)), mask)
        else:
            windows = Windows.over(mask, self.window)
            words = self.dropout(self.embedding(windows.cut(ids)))
            items = windows.join(run_recurrent(self.lstm, words, windows.mask)[0], mask)
        items = self.dropout(items)
        weights = masked_softmax(self.score(self.content(items).tanh()).squeeze(-1), mask)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled, weights=weights)


@TEXT_ENCODERS("tfidf")
class TfIdf(TextEncoder):
    """A bag of words weighted by tf-idf, the linear baseline: as scikit-learn's TfidfVectorizer with `sublinear_tf`.

    Pooled is the vector of length 1 over the vocabulary, which the branch projects; there is nothing to train here.
    `idf` is the rarity of each word in training reports. The weight of a token is its share in the squared length of
    that vector. Each item has width 1: the share of its token in the vector. Which word it was is only in `pooled`.
    """

    idf: Tensor

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        idf: Sequence[float],
        *,
        max_tokens: int = 4096,
    ) -> None:
        super().__init__()
        self.register_buffer("idf", torch.tensor(idf, dtype=torch.float32), persistent=False)
        self.dim, self.item_dim = vocabulary, 1
        self.architecture = {}

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths, tokens)
        ids = pad(tokens, mask)
        counts = self.idf.new_zeros(len(ids), self.dim).scatter_add(1, ids, mask.float())
        pooled = F.normalize(torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0.0) * self.idf, dim=-1)
        values, shared = pooled.gather(1, ids), mask / counts.gather(1, ids).clamp(min=1)
        return Features((values * shared).unsqueeze(-1), mask, pooled, weights=values.square() * shared)
