"""How each kind of modality lies in a store, a file per kind; asks the lower packages of data and the hallway."""

from mmdx.data.store.kinds import images, text, vectors
from mmdx.data.store.kinds.base import STORED, ModalityFacts

__all__ = ["STORED", "ModalityFacts", "images", "text", "vectors"]
