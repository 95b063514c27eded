"""What every branch is: the part of a model that reads one kind of modality, and how it is built from a config."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Features, Packed
from mmdx.errors import UsageError
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.packing import drawn_order, item_mask, pad
from mmdx.models.sequence.base import SequenceModel
from mmdx.registry import Registry
from mmdx.schema import InputConfig


class Branch(nn.Module, ABC):
    """One modality: packed items to `Features` whose pooled vector has the width at which modalities meet.

    A branch is registered under the name of the kind that it reads: `@BRANCHES("images")`. `encoders` is the registry
    of its encoders: by the encoder that an input names, a config says of which kind the input is. `options` names the
    fields of `InputConfig`, beside `encoder`, that the branch reads; setting another one is an error. `minds_order`
    says whether the answer depends on the order of the items. `sizes` says how wide the features are.
    """

    encoders: ClassVar[Registry]
    options: ClassVar[frozenset[str]] = frozenset()
    sizes: BranchSizes
    minds_order = False

    @classmethod
    @abstractmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        """The branch of one input, `dim` wide, and the architecture of its encoder, which a model folder keeps.

        `where` is the dotted name of `section` in the config, for errors. Facts that already hold an architecture
        (those of a saved model) make the branch without looking for anything pretrained.
        """

    @abstractmethod
    def forward(self, packed: Packed) -> Features: ...

    def learns_vectors(self) -> bool:
        """Whether `Features.vectors` come from anything that is fitted on training studies."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def has_plain(self) -> bool:
        """Whether `plain` gives anything."""
        return False

    def plain(self, packed: Packed, features: Features) -> Packed | None:
        """The items as nothing that learns has seen them, for a linear model beside the network: `packed`, or what a
        frozen encoder gave for it, which `features` hold. None where there is no such thing."""
        return None

    def pretrained_layers(self) -> Mapping[str, int]:
        """The layer of each pretrained weight of its encoder by name, 0 being the nearest to the input; empty without
        any."""
        return {}

    def with_maps(self, packed: Packed, count: int) -> Features:
        """The features of `forward` with the `count` coarsest feature maps; for a branch whose `sizes` have `maps`."""
        raise UsageError(f"branch {type(self).__name__}: gives no feature maps; only branches of images do")


def in_sequence(sequence: SequenceModel, vectors: Float[Tensor, "n d"], packed: Packed) -> Features:
    """Packed vectors through a sequence model; `Features.vectors` keeps them as they were before it.

    In training a model that minds the order sees those of unordered studies in a new random one; what it gives for each
    item comes back to the item's own place.
    """
    mask = item_mask(packed.lengths, vectors)
    places = vectors.new_full((vectors.shape[0],), float("nan")) if packed.places is None else packed.places
    padded, where = pad(vectors, mask), pad(places, mask)
    unordered = packed.unordered
    if unordered is None or not (sequence.training and sequence.minds_order and unordered.any()):
        return replace(sequence(padded, mask, where), vectors=padded)
    order = drawn_order(unordered, mask)
    features = sequence(padded.take_along_dim(order.unsqueeze(-1), dim=1), mask, where.take_along_dim(order, dim=1))
    back = order.argsort(dim=1)
    items = features.items.take_along_dim(back.unsqueeze(-1), dim=1)
    weights = None if features.weights is None else features.weights.take_along_dim(back, dim=1)
    return replace(features, items=items, weights=weights, vectors=padded)


def projection(width: int, dim: int) -> nn.Sequential:
    """From the width of a branch to that at which modalities meet."""
    return nn.Sequential(nn.Linear(width, dim), nn.LayerNorm(dim))
