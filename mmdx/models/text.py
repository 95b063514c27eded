"""Reports: packed tokens become `Features`, an item a token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.packing import item_mask, masked_softmax, pad
from mmdx.models.sequence import run_recurrent
from mmdx.models.weights import find_model_folder
from mmdx.registry import TEXT_ENCODERS


class TextEncoder(nn.Module, ABC):
    """Packed token ids `[n]` and lengths `[b]` to `Features`, items `item_dim` wide, pooled `dim` wide.

    An encoder with an option `source` reads with the tokenizer of that source; any other with one that is fitted on the
    training reports. `max_tokens`, an option of each, cuts longer reports.
    """

    dim: int
    item_dim: int
    architecture: Mapping[str, Any]
    """What a saved model needs, beside its weights, to be made again with no file of the original encoder."""

    @abstractmethod
    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features: ...


@TEXT_ENCODERS("bilstm_attention")
class BiLstmAttention(TextEncoder):
    """Word embeddings, a bidirectional LSTM, attention over its outputs (Yao et al. 2024); word weights are kept."""

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        *,
        embedding: int = 64,
        hidden: int = 64,
        dropout: float = 0.2,
        max_tokens: int = 256,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.content = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.dim = self.item_dim = 2 * hidden
        self.architecture = {}

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths)
        words = self.dropout(self.embedding(pad(tokens, mask)))
        items, _ = run_recurrent(self.lstm, words, mask)
        items = self.dropout(items)
        weights = masked_softmax(self.score(self.content(items).tanh()).squeeze(-1), mask)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled, weights=weights)


@TEXT_ENCODERS("transformer")
class Transformer(TextEncoder):
    """Any Hugging Face encoder; pooled is the mean of the last hidden states over real tokens.

    `source` is a hub name, a local model folder, or an installed package that carries one. `frozen` keeps its weights.
    `architecture`, the saved Hugging Face config, is given when saved weights follow.
    """

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        *,
        source: str = "",
        frozen: bool = False,
        max_tokens: int = 256,
    ) -> None:
        super().__init__()
        network: Any = _from_source(source) if architecture is None else _from_architecture(architecture)
        config = network.config
        positions = int(getattr(config, "max_position_embeddings", max_tokens))
        if max_tokens > positions:
            raise UsageError(
                f"text encoder transformer: max_tokens {max_tokens} is more than the {positions} that it can place"
            )
        # A pooler is trained for tasks that are not ours; unused weights would stall distributed training.
        if isinstance(getattr(network, "pooler", None), nn.Module):
            network.pooler = None
        self.network = network
        self.frozen = frozen
        if frozen:
            self.network.requires_grad_(False)
        self.dim = self.item_dim = int(config.hidden_size)
        self.architecture = config.to_dict()

    def train(self, mode: bool = True) -> Transformer:
        """A frozen encoder stays in evaluation: no dropout inside it."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths)
        # A row without any token would make the softmax inside 0 / 0; its first place is let through, then replaced.
        visible = mask.clone()
        visible[:, 0] = True
        items = self.network(input_ids=pad(tokens, mask), attention_mask=visible.long()).last_hidden_state
        weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled)


def source_of(source: str) -> str:
    """Where transformers should load `source` from: the local folder that it names, else itself as a hub name."""
    folder = find_model_folder(source)
    return str(folder) if folder is not None else source


def _from_source(source: str) -> nn.Module:
    from transformers import AutoModel

    if not source:
        raise UsageError(
            "text encoder transformer: give source, a hub name, a local model folder or an installed package"
        )
    try:
        network: Any = AutoModel.from_pretrained(source_of(source), dtype=torch.float32, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"text encoder transformer: '{source}' could not be loaded ({reason})") from None
    if network.config.is_encoder_decoder:
        raise UsageError(f"text encoder transformer: '{source}' is an encoder-decoder; choose an encoder such as BERT")
    return network


def _from_architecture(architecture: Mapping[str, Any]) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    options = {k: v for k, v in architecture.items() if k != "model_type"}
    return AutoModel.from_config(AutoConfig.for_model(architecture["model_type"], **options), dtype=torch.float32)
