"""How each kind of modality lies in a store, one file per kind; imports images, privacy and the hallway."""

from mmdx.data.store.kinds import images, text, vectors
from mmdx.data.store.kinds.base import STORED, ModalityFacts

__all__ = ["STORED", "ModalityFacts", "images", "text", "vectors"]
