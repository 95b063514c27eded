"""A model, or the members of an ensemble, asked about studies whose inputs are exchanged, withheld or reworded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float, Float32
from torch import Tensor

from mmdx.data.counting import Count
from mmdx.data.store.store import Store
from mmdx.data.text.rewording import Change, RewordedTokenizer
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.passing import passing
from mmdx.engine.scoring.calibrate import lone_head
from mmdx.engine.scoring.swaps.encode import Encoded, encode_studies, study_logits
from mmdx.errors import UsageError
from mmdx.models.heads.mean import mean_logits

PAIRS_AT_ONCE = 512
"""Pairs of studies that pass a fusion together."""


@dataclass(frozen=True)
class Asked:
    """The members of a model, each with its store and the same studies encoded by it."""

    saved: SavedModel
    stores: Sequence[Store]
    rows: Sequence[int]
    encoded: Sequence[Encoded]
    accelerator: Accelerator

    @classmethod
    def of(cls, saved: SavedModel, stores: Sequence[Store], rows: Sequence[int], accelerator: Accelerator) -> Asked:
        """Encodes the rows. Raises `UsageError` for a model that does not answer for studies by one head."""
        if lone_head(saved, "study") is None:
            raise UsageError(
                "the model does not answer for studies by one head; what is exchanged are inputs of studies"
            )
        pairs = zip(saved.members, stores, strict=True)
        encoded = [encode_studies(member, store, rows, accelerator) for member, store in pairs]
        return cls(saved, stores, rows, encoded, accelerator)

    @property
    def names(self) -> list[str]:
        """The inputs in the order of the model."""
        return list(self.saved.model.branches)

    def shown(self, names: Sequence[str]) -> Float32[np.ndarray, "n f"]:
        """The log-odds of the studies where these inputs are shown."""
        return self._answer([self._logits(place, of, names) for place, of in enumerate(self.encoded)])

    def pairs(self, lent: str, count: Count) -> Float32[np.ndarray, "n n f"]:
        """The log-odds of study i with the input `lent` of study j, at `[i, j]`."""
        total = len(self.rows)
        rows = []
        for study in range(total):
            count(f"exchanging {lent}", study, total, "studies")
            rows.append(np.concatenate(list(self._borrowed(lent, study))))
        return np.stack(rows)

    def reworded(self, text: str, change: Change) -> Float32[np.ndarray, "n f"]:
        """The log-odds of the studies where a text is what `change` makes of it."""
        logits = []
        for place, (member, store) in enumerate(zip(self.saved.members, self.stores, strict=True)):
            tokenizers = {**member.tokenizers, text: RewordedTokenizer(member.tokenizers[text], change)}
            worded = replace(member, tokenizers=tokenizers)
            other = encode_studies(worded, store, self.rows, self.accelerator, [text])
            logits.append(self._logits(place, self.encoded[place].lending(text, other), self.names))
        return self._answer(logits)

    def _borrowed(self, lent: str, study: int) -> Iterator[Float32[np.ndarray, "k f"]]:
        """The log-odds of one study with the input of each, some at a time."""
        for start in range(0, len(self.rows), PAIRS_AT_ONCE):
            logits = []
            for place, of in enumerate(self.encoded):
                device = of.present.device
                lenders = torch.arange(start, min(start + PAIRS_AT_ONCE, len(of)), device=device)
                own = of.at(torch.full_like(lenders, study))
                logits.append(self._logits(place, own.lending(lent, of.at(lenders)), self.names))
            yield self._answer(logits)

    def _logits(self, place: int, encoded: Encoded, names: Sequence[str]) -> Float[Tensor, "n f"]:
        """What one member says of studies that are shown some inputs."""
        member = self.saved.members[place]
        seen = torch.tensor([name in names for name in self.names], device=encoded.present.device)
        head = next(iter(member.model.heads_of("study")))
        with passing("exchanging inputs", encoded.studies), self.accelerator.autocast():
            return study_logits(member.model, head, encoded, encoded.present & seen)

    def _answer(self, logits: Sequence[Float[Tensor, "n f"]]) -> Float32[np.ndarray, "n f"]:
        """The log-odds of what all members say together. Those of a class of a group are against all its others."""
        heads = [next(iter(member.model.heads_of("study").values())) for member in self.saved.members]
        mean = mean_logits(heads, logits)
        odds, named = mean.clone(), lone_head(self.saved, "study")
        for group in named[1] if named else ():
            columns = list(group)
            for column in columns:
                others = [other for other in columns if other != column]
                odds[:, column] = mean[:, column] - mean[:, others].logsumexp(dim=1)
        return odds.float().cpu().numpy()


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of inputs that can be shown, but for none, in the order of the model."""
    return [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]
