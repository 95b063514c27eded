"""Studies encoded once, so that what a model says of any two of them together costs a fusion and no encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import pad

from mmdx.batch import Batch, Features, Output
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.score import answered
from mmdx.models.model import MultimodalModel
from mmdx.models.stack.stack import LINEAR, NETWORK, member

Logits = Float[Tensor, "b f"]


@dataclass(frozen=True)
class Encoded:
    """n studies by modality, and what the members of a stack say of each modality alone, `[n f]` by member.

    `present [n m]` says what each has, in the order of the model.
    """

    studies: tuple[str, ...]
    present: Bool[Tensor, "n m"]
    features: Mapping[str, Features]
    alone: Mapping[str, Logits]

    def __len__(self) -> int:
        return len(self.studies)

    def at(self, rows: Int[Tensor, "k"]) -> Encoded:
        """Some of them, by their places."""
        studies = tuple(self.studies[row] for row in rows.tolist())
        features = {name: _picked(of_name, rows) for name, of_name in self.features.items()}
        return Encoded(studies, self.present[rows], features, {name: said[rows] for name, said in self.alone.items()})

    def lending(self, modality: str, lender: Encoded) -> Encoded:
        """The same studies with a modality of others, row by row."""
        named = [member(kind, modality) for kind in (NETWORK, LINEAR)]
        return replace(
            self,
            features={**self.features, modality: lender.features[modality]},
            alone={name: lender.alone[name] if name in named else said for name, said in self.alone.items()},
        )


def encode_studies(
    saved: SavedModel, store: Store, rows: Sequence[int], accelerator: Accelerator, shown: Sequence[str] | None = None
) -> Encoded:
    """Encodes rows of a store with one model, in their order; modalities outside `shown` (None: all) are not read."""
    parts = [_encoded(saved.model, *pair) for pair in answered(saved, store, rows, shown, accelerator)]
    joined = Encoded(
        tuple(study for part in parts for study in part.studies),
        torch.cat([part.present for part in parts]),
        {name: _joined([part.features[name] for part in parts]) for name in parts[0].features},
        {name: torch.cat([part.alone[name] for part in parts]) for name in parts[0].alone},
    )
    place = {study: at for at, study in enumerate(joined.studies)}
    order = [place[store.study_ids[row]] for row in rows]
    return joined.at(torch.tensor(order, device=joined.present.device))


def study_logits(model: MultimodalModel, head: str, encoded: Encoded, shown: Bool[Tensor, "n m"]) -> Logits:
    """What a model says of studies, encoded before, that are shown so: the network, or a stack where one answers."""
    with torch.no_grad():
        batch = Batch(encoded.studies, encoded.studies, {}, shown.new_empty(len(encoded), 0, dtype=torch.float32), {})
        network = model.study_logits(head, encoded.features, shown, batch)
        if model.stack is None or model.stack.head != head:
            return network
        return model.stack({NETWORK: network.float(), **encoded.alone}, shown)


def _encoded(model: MultimodalModel, batch: Batch, output: Output) -> Encoded:
    alone = {}
    if model.stack is not None:
        with torch.no_grad():
            network = output.unstacked[model.stack.head]
            alone = model.members(model.stack, output.features, output.present, batch, network)
            del alone[NETWORK]
    bare = {name: replace(of, vectors=None, maps=(), moves=None) for name, of in output.features.items()}
    return Encoded(tuple(batch.study_ids), output.present, bare, alone)


def _picked(features: Features, rows: Int[Tensor, "k"]) -> Features:
    weights = None if features.weights is None else features.weights[rows]
    return Features(features.items[rows], features.mask[rows], features.pooled[rows], weights)


def _joined(parts: Sequence[Features]) -> Features:
    """The features of several batches, padded to the longest study of all."""
    longest = max(part.mask.shape[1] for part in parts)
    weights = [part.weights for part in parts if part.weights is not None]
    return Features(
        torch.cat([_longer(part.items, longest) for part in parts]),
        torch.cat([_longer(part.mask, longest) for part in parts]),
        torch.cat([part.pooled for part in parts]),
        torch.cat([_longer(part, longest) for part in weights]) if len(weights) == len(parts) else None,
    )


def _longer(values: Shaped[Tensor, "b s *rest"], longest: int) -> Shaped[Tensor, "b l *rest"]:
    behind = longest - values.shape[1]
    return pad(values, (0, 0, 0, behind) if values.dim() == 3 else (0, behind))
