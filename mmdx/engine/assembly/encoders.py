"""Which kind of modality an encoder reads: the kind of the branch whose encoders hold it."""

from __future__ import annotations

from typing import Any

from mmdx.kinds import IMAGES, KINDS, Kind
from mmdx.models.parts import register_model_parts
from mmdx.registry import BRANCHES, Registry
from mmdx.schema import InputConfig

register_model_parts()


def kind_of(section: InputConfig) -> Kind:
    """The kind of modality that the encoder reads; images where the encoder is not registered."""
    return kind_read(section.encoder.type) or IMAGES


def kind_read(encoder: str) -> Kind | None:
    """The kind that an encoder of this name reads, None where there is no such encoder."""
    return next((KINDS[name] for name, registry in encoders().items() if encoder in registry.names()), None)


def encoders() -> dict[str, Registry]:
    """The encoders of each kind of modality that a branch reads, by the kind's name."""
    branches: dict[str, Any] = {name: BRANCHES.get(name) for name in KINDS if name in BRANCHES.names()}
    return {name: branch.encoders for name, branch in branches.items()}


def options_read(kind: Kind) -> frozenset[str]:
    """The fields of `InputConfig`, beside the encoder, that the branch of a kind reads."""
    branch: Any = BRANCHES.get(kind.name)
    return branch.options
