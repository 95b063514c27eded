"""Descriptions: a transformer decoder writes a report from what the model saw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mmdx.batch import Batch, Features, Packed
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.models.heads.base import BranchSizes, Findings, Head
from mmdx.models.packing import item_mask, pad
from mmdx.registry import HEADS

NO_WORDS = (0, 1)
"""Padding and the unknown word, in every tokenizer that is fitted on reports: learned from, never written."""


class TextHead(Head):
    """Writes the text of one modality of the store, which need not be an input of the model.

    Logits are `[k v]`: k rows, one per token of `Batch.targets[text]` and one per end of a text; v words. Each
    such head has the options `text`, `sections` and `max_words`, which tell the loader what of a report is to be
    written.
    """

    level = "text"
    modality = None
    text: str
    """The modality that is written."""
    seen: tuple[str, ...]
    """The modalities that it writes from."""

    @abstractmethod
    def write(self, encoded: Mapping[str, Features]) -> list[list[int]]:
        """A text for each study, as tokens of the fitted tokenizer."""

    def sees(self, encoded: Mapping[str, Features]) -> Bool[Tensor, "b"]:
        """Which studies have anything to write from."""
        return torch.stack([encoded[name].mask.any(dim=1) for name in self.seen]).any(dim=0)


@HEADS("description")
class DescriptionHead(TextHead):
    """A transformer decoder that attends to the items of the images, and writes by beam search (Yao et al. 2024).

    `text` is the text modality to write (None: the only one of the store), `sections` what of its reports (None: what
    `data.reports` leaves). `sees` is what it attends to, images (and descriptors) or everything that the model reads;
    of the text itself nothing, for a report that it is given it can copy, unless `everything` comes with `text_too`. A
    report ends at `max_words`, when learned from as when written.
    """

    def __init__(
        self,
        dim: int,
        findings: Findings,
        branches: Mapping[str, BranchSizes],
        *,
        text: str | None = None,
        sections: tuple[str, ...] | None = None,
        sees: Literal["images", "everything"] = "images",
        text_too: bool = False,
        layers: int = 2,
        width: int = 128,
        heads: int = 4,
        beams: int = 4,
        min_words: int = 1,
        max_words: int = 64,
        dropout: float = 0.1,
        weight: float = 1.0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise UsageError(f"head description: width {width} does not divide by {heads} heads; choose a multiple")
        if not 1 <= min_words <= max_words:
            raise UsageError(f"head description: min_words {min_words}, max_words {max_words}; give 1 <= min <= max")
        self.text = _written(text, findings.vocabularies)
        self.seen = _seen(branches, self.text, sees=sees, text_too=text_too)
        self.weight = weight
        words = findings.vocabularies[self.text]
        self.begin, self.end = words, words + 1
        self.projections = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(branches[name].items, width), nn.LayerNorm(width)) for name in self.seen}
        )
        # Attended to beside the items, so that a study without any has something to attend to.
        self.nothing = nn.Parameter(torch.randn(width) * width**-0.5)
        self.network = _decoder(words, layers=layers, width=width, heads=heads, max_words=max_words, dropout=dropout)
        self.search = {"num_beams": beams, "min_new_tokens": min_words, "max_new_tokens": max_words}

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k v"]:
        items, mask = self._items(encoded)
        words, _, real = self._steps(batch)
        output = self.network(input_ids=words, encoder_hidden_states=items, encoder_attention_mask=mask.long())
        return output.logits[real]

    def targets(self, batch: Batch) -> Int[Tensor, "k"]:
        """The word that follows, study after study; after the last one the end."""
        _, following, real = self._steps(batch)
        return following[real]

    def probabilities(self, logits: Float[Tensor, "k v"]) -> Float[Tensor, "k v"]:
        return logits.float().softmax(dim=-1)

    def loss(self, logits: Float[Tensor, "k v"], batch: Batch) -> Float[Tensor, ""]:
        """Cross-entropy by word, averaged over each report and then over the studies that have one; 0 without any."""
        _, following, real = self._steps(batch)
        losses = F.cross_entropy(logits.float(), following[real], reduction="none")
        counts = real.sum(dim=1, keepdim=True)
        shares = (real / counts.clamp(min=1))[real]
        return (losses * shares).sum() / (counts > 0).sum().clamp(min=1)

    @torch.no_grad()
    def write(self, encoded: Mapping[str, Features]) -> list[list[int]]:
        items, mask = self._items(encoded)
        begin = torch.full((len(mask), 1), self.begin, device=mask.device)
        rows = self.network.generate(
            begin,
            attention_mask=torch.ones_like(begin),
            encoder_hidden_states=items,
            encoder_attention_mask=mask.long(),
            suppress_tokens=[*NO_WORDS, self.begin],
            do_sample=False,
            **self.search,
        )
        return [_until(row, self.end) for row in rows[:, 1:].tolist()]

    def _items(self, encoded: Mapping[str, Features]) -> tuple[Float[Tensor, "b s w"], Bool[Tensor, "b s"]]:
        """What the decoder attends to: the learned vector, then the items of each modality that it sees."""
        masks = [encoded[name].mask for name in self.seen]
        items = [projection(encoded[name].items) for name, projection in self.projections.items()]
        nothing = self.nothing.to(items[0].dtype).expand(len(masks[0]), 1, -1)
        return torch.cat([nothing, *items], dim=1), torch.cat([torch.ones_like(masks[0][:, :1]), *masks], dim=1)

    def _steps(self, batch: Batch) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
        """Of each study the words so far and the word that follows each, and which of them are real: none for a study
        without a report, which is still given the beginning."""
        device = self.nothing.device
        nothing = torch.zeros(len(batch.study_ids), dtype=torch.long, device=device)
        text = batch.targets.get(self.text) or Packed(nothing[:0], nothing)
        words = pad(text.values, item_mask(text.lengths, text.values))
        begin = words.new_full((len(words), 1), self.begin)
        following = torch.cat([words, torch.zeros_like(begin)], dim=1)
        following = following.scatter(1, text.lengths[:, None], self.end)
        places = torch.arange(following.shape[1], device=device)
        real = (places <= text.lengths[:, None]) & (text.lengths[:, None] > 0)
        return torch.cat([begin, words], dim=1), following, real


def _decoder(words: int, *, layers: int, width: int, heads: int, max_words: int, dropout: float) -> Any:
    """GPT-2's architecture, untrained, with cross-attention; the beginning and the end come after the words."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=words + 2,
            n_positions=max_words + 1,
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            add_cross_attention=True,
            tie_word_embeddings=False,
            bos_token_id=words,
            eos_token_id=words + 1,
            pad_token_id=words + 1,
        )
    )


def _written(text: str | None, vocabularies: Mapping[str, int]) -> str:
    written = text or next(iter(vocabularies), None)
    if written is None or written not in vocabularies:
        raise UsageError(f"head description: no text is called '{text}'; {did_you_mean(text or '', vocabularies)}")
    return written


def _seen(branches: Mapping[str, BranchSizes], text: str, *, sees: str, text_too: bool) -> tuple[str, ...]:
    names = [name for name, sizes in branches.items() if sees == "everything" or KINDS[sizes.kind].sliced]
    names = [name for name in names if name != text or text_too]
    if not names:
        raise UsageError(
            f"head description: with sees={sees} the model reads nothing to write '{text}' from; add an image input"
        )
    return tuple(names)


def _until(row: Sequence[int], end: int) -> list[int]:
    """The words before the end."""
    return list(row[: row.index(end)]) if end in row else list(row)
