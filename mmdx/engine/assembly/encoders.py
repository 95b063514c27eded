"""Which kind of modality an encoder reads, known by the registry that it stands in."""

from __future__ import annotations

from mmdx.config import InputConfig
from mmdx.kinds import IMAGES, KINDS, TABULAR, TEXT, VECTORS, Kind
from mmdx.registry import IMAGE_ENCODERS, TABLE_ENCODERS, TEXT_ENCODERS, VECTOR_ENCODERS, Registry

ENCODERS: dict[str, Registry] = {
    IMAGES.name: IMAGE_ENCODERS,
    VECTORS.name: VECTOR_ENCODERS,
    TEXT.name: TEXT_ENCODERS,
    TABULAR.name: TABLE_ENCODERS,
}
"""The encoders of each kind of modality, by the kind's name."""


def kind_of(section: InputConfig) -> Kind:
    """The kind of modality that the encoder reads; images where the encoder is not registered."""
    return kind_read(section.encoder.type) or IMAGES


def kind_read(encoder: str) -> Kind | None:
    """The kind that an encoder of this name reads, None where there is no such encoder."""
    return next((KINDS[name] for name, registry in ENCODERS.items() if encoder in registry.names()), None)
