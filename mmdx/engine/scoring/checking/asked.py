"""One study and finding whose answer is explained, and the answer to the same study with other images or items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmdx.batch import Batch, Features, Output, Packed
from mmdx.engine.scoring.grad_cam import explained_head, mapped_branch
from mmdx.models.branches.images import AT_ONCE, ImageBranch
from mmdx.models.model import MultimodalModel
from mmdx.models.packing import unpad


@dataclass(frozen=True)
class Explained:
    """A study alone in its `batch`, what the model says of it, and the finding in `column` that is explained.

    `row` is the row of the logits that are explained: the study's, or that of the likeliest image where a head answers
    for images. `images` are those on which the answer stands, by their places: all of them, or that one. `vectors` are
    what the encoder gives for all images, so that it runs again for these alone.
    """

    model: MultimodalModel
    batch: Batch
    output: Output
    modality: str
    column: int
    row: int
    images: tuple[int, ...]
    vectors: Float[Tensor, "n v"]

    @classmethod
    def of(cls, model: MultimodalModel, batch: Batch, output: Output, modality: str, column: int) -> Explained:
        """Raises `UsageError` for a model that cannot be explained."""
        mapped_branch(model, modality)
        name, level = explained_head(model, modality)
        before = output.features[modality]
        assert before.vectors is not None  # a branch of images keeps them
        vectors = unpad(before.vectors, before.mask)
        if level == "study":
            return cls(model, batch, output, modality, column, 0, tuple(range(len(vectors))), vectors)
        likeliest = int(output.logits[name][:, column].argmax())
        return cls(model, batch, output, modality, column, likeliest, (likeliest,), vectors)

    @property
    def reads(self) -> list[str]:
        """The modalities that the answer hangs on: of an image's own answer those images alone."""
        _, level = explained_head(self.model, self.modality)
        return list(self.output.features) if level == "study" else [self.modality]

    @property
    def branch(self) -> ImageBranch:
        return mapped_branch(self.model, self.modality)

    def seen(self) -> Float[Tensor, "p k h w"]:
        """What the encoder sees of the images on which the answer stands."""
        return self.branch.images(self.batch.inputs[self.modality])[list(self.images)]

    def logit(self, images: Float[Tensor, "p k h w"]) -> Float[Tensor, ""]:
        """The logit that is explained, where the encoder sees these images in place of those on which it stands."""
        return self._logits(images)[self.row, self.column]

    def score(self, images: Float[Tensor, "p k h w"]) -> float:
        """The probability of the finding, where the encoder sees these images in place of those on which it stands."""
        with torch.no_grad():
            return self._score(self._logits(images))

    def score_without(self, modality: str, items: Int[Tensor, "k"]) -> float:
        """The probability of the finding, where some items of a modality (slices, words) are left out.

        Raises `ValueError` where that leaves nothing, or takes the image whose own answer is explained.
        """
        packed = self.batch.inputs[modality]
        keep = torch.ones(int(packed.lengths[0]), dtype=torch.bool, device=packed.values.device)
        keep[items] = False
        if not keep.any():
            raise ValueError("no item is left")
        row = self.row
        with torch.no_grad():
            values = packed.values
            if modality == self.modality:
                if self.images != tuple(range(len(keep))) and not keep[self.images[0]]:
                    raise ValueError("the image that is explained is left out")
                values = self.vectors
                row = int(keep[: self.row].sum()) if len(self.images) == 1 else self.row
            places = None if packed.places is None else packed.places[keep]
            left = replace(
                packed,
                values=values[keep],
                lengths=keep.sum()[None],
                places=places,
                encoded=packed.encoded or modality == self.modality,
            )
            again = self.model.branches[modality](left)
            return self._score(self._answered({**self.output.features, modality: again}), row)

    def _logits(self, images: Float[Tensor, "p k h w"]) -> Float[Tensor, "rows f"]:
        seen = torch.cat([self.branch.encoder(part) for part in images.split(AT_ONCE)])
        places = torch.tensor(self.images, device=seen.device)
        vectors = self.vectors.detach().to(seen.dtype).index_copy(0, places, seen)
        packed: Packed = replace(self.batch.inputs[self.modality], values=vectors, encoded=True)
        again = self.model.branches[self.modality](packed)
        return self._answered({**self.output.features, self.modality: again})

    def _answered(self, encoded: Mapping[str, Features]) -> Float[Tensor, "k f"]:
        name, _ = explained_head(self.model, self.modality)
        features = self.model.stand_ins(encoded, self.output.present)
        return self.model.answering[name](features, self.model.fusion(features), self.batch)

    def _score(self, logits: Float[Tensor, "k f"], row: int | None = None) -> float:
        name, _ = explained_head(self.model, self.modality)
        chances = self.model.answering[name].probabilities(logits)
        return float(chances[self.row if row is None else row, self.column])
