"""Which kind of modality an encoder reads, told from the registry that it stands in."""

from __future__ import annotations

from mmdx.config import InputConfig
from mmdx.engine.assembly.facts import Kind
from mmdx.registry import IMAGE_ENCODERS, TABLE_ENCODERS, TEXT_ENCODERS, VECTOR_ENCODERS, Registry

ENCODERS: dict[Kind, Registry] = {
    "images": IMAGE_ENCODERS,
    "vectors": VECTOR_ENCODERS,
    "text": TEXT_ENCODERS,
    "tabular": TABLE_ENCODERS,
}


def kind_of(section: InputConfig) -> Kind:
    """The kind of modality that the encoder reads; images where it is not known."""
    for kind, registry in ENCODERS.items():
        if section.encoder.type in registry.names():
            return kind
    return "images"
