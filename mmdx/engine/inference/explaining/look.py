"""What models show of one study: first forward alone, which slices an answer stands on, then the heat of the chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Features, Output
from mmdx.data.images.decode import GreyRange
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.images.windows import BRAIN, Window
from mmdx.data.text.tokenizer import UNKNOWN_WORD
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.explaining.source_slices import heat_on_source
from mmdx.engine.inference.study import ReadStudy, device_of, text_inputs
from mmdx.engine.passing import passing
from mmdx.engine.scoring.boxes import slices_of
from mmdx.engine.scoring.grad_cam import explained_head, heat_of, mapped_branch
from mmdx.errors import DataError
from mmdx.models.heads.mean import answer_together
from mmdx.models.heads.study import StudyHead
from mmdx.models.views import Windows

Item = TypeVar("Item", int, str)
Weights = tuple[tuple[Item, float], ...]


@dataclass(frozen=True)
class Look:
    """What one model says of one study, alone in its `batch`: the output of one pass forward, and how the source of
    each image of `modality` lies in it, deep ones scaled by `grey_range`. `indices` are the 0-based places of these
    images among all of the study."""

    saved: SavedModel
    batch: Batch
    output: Output
    modality: str
    letterboxes: Sequence[Letterbox]
    grey_range: GreyRange | None = None

    @property
    def indices(self) -> list[int]:
        return slices_of(self.batch, self.modality)[1]

    @property
    def level(self) -> Literal["study", "slice"]:
        """Whether the answer that is explained is given for the study, or for each image."""
        return "slice" if explained_head(self.saved.model, self.modality)[1] == "slice" else "study"

    @property
    def window(self) -> Window:
        """In which the model looks at CT first."""
        return window_of(self.saved, self.modality)

    def slice_weights(self) -> Weights[int] | None:
        """How much each image counted, None where the sequence model does not weigh them."""
        return _weights(self.output.features[self.modality], self.indices)

    def word_weights(self) -> dict[str, Weights[str]]:
        """How much each word counted, by each text input whose encoder weighs them."""
        found = {}
        for text in text_inputs(self.saved):
            words = self.saved.tokenizers[text].words(self.batch.inputs[text].values.tolist())
            weights = _weights(self.output.features[text], words)
            if weights:
                found[text] = weights
        return found

    def ranks(self) -> Float[Tensor, "n f"] | None:
        """What tells on which slices an answer for the study stands, the largest first; None where nothing does."""
        name, _ = explained_head(self.saved.model, self.modality)
        head = self.saved.model.answering[name]
        ranks = head.ranks(self.output.features, self.modality) if isinstance(head, StudyHead) else None
        return None if ranks is None else ranks[0].float().cpu()

    def heat(self, images: Sequence[int], column: int) -> list[Float[np.ndarray, "h w"]]:
        """Grad-CAM of packed images for one finding, over their source: shares of the largest among them."""
        with torch.no_grad():
            stored = heat_of(
                self.saved.model, self.batch, self.output, self.modality, [(image, column) for image in images]
            )
        pairs = zip(stored.float().cpu().numpy(), images, strict=True)
        return shares([heat_on_source(heat, self.letterboxes[image]) for heat, image in pairs])


def window_of(saved: SavedModel, modality: str) -> Window:
    """The window in which a model looks at the CT of an input first. Raises `UsageError` where it sees no images."""
    view = mapped_branch(saved.model, modality).view
    if not isinstance(view, Windows):
        return BRAIN
    low, width = float(view.low.flatten()[0]), float(view.width.flatten()[0])
    return low + width / 2, width


def look_at(saved: SavedModel, read: ReadStudy, modality: str) -> Look:
    """What a model says of a study. Raises `DataError` where the study has no images of `modality`, and `UsageError`
    where the model cannot be explained."""
    if not len(read.batch.inputs[modality].values):
        raise DataError(f"no images that the model reads as '{modality}'")
    mapped_branch(saved.model, modality)
    explained_head(saved.model, modality)
    batch = read.batch.to(device_of(saved))
    with passing("explaining", batch.study_ids), torch.no_grad():
        output = saved.model(batch)
    return Look(saved, batch, output, modality, read.letterboxes[modality], read.grey_ranges[modality])


def likeliest(looks: Sequence[Look], columns: Sequence[int], top: int) -> dict[int, list[tuple[int, float]]]:
    """By column of a finding, the `top` packed images on which the answer of all models stands, the first of them the
    first, each with the score there: of the image where a head answers for it, else of the study."""
    first = looks[0]
    name, _ = explained_head(first.saved.model, first.modality)
    answer = answer_together(
        [look.saved.model.answering[name] for look in looks], [look.output.logits[name] for look in looks]
    )
    scores = answer.probabilities.cpu().expand(len(first.indices), -1)
    by_look = [ranks for look in looks if (ranks := look.ranks()) is not None]
    ranks = torch.stack(by_look).mean(dim=0) if by_look else scores
    chosen = {column: ranks[:, column].argsort(descending=True)[:top].tolist() for column in columns}
    return {column: [(i, float(scores[i, column])) for i in images] for column, images in chosen.items()}


def mean_heat(looks: Sequence[Look], images: Sequence[int], column: int) -> list[Float[np.ndarray, "h w"]]:
    """The mean over models of the heat of each image for one finding, as shares of the largest in these images."""
    by_look = [look.heat(images, column) for look in looks]
    return shares([np.mean(heats, axis=0) for heats in zip(*by_look, strict=True)])


def shares(heats: Sequence[Float[np.ndarray, "h w"]]) -> list[Float[np.ndarray, "h w"]]:
    """Each heat as a share of the largest value in all of them; 0 where there is none."""
    largest = max((float(heat.max()) for heat in heats), default=0.0)
    return [heat / largest if largest > 0 else np.zeros_like(heat) for heat in heats]


def mean_words(by_look: Sequence[Mapping[str, Weights[str]]]) -> dict[str, Weights[str]]:
    """How much each word counted, on average over models, by text input; marks that are no words are left out."""
    inputs = dict.fromkeys(name for words in by_look for name in words)
    means = {name: mean_weights([words[name] for words in by_look if name in words]) for name in inputs}
    return {name: tuple(pair for pair in weights if any(map(str.isalnum, pair[0]))) for name, weights in means.items()}


def mean_weights(by_member: Sequence[Weights[Item]]) -> Weights[Item]:
    """How much each item counted, on average over models; a word is called as the first model calls it that knows it.

    Models that split the text otherwise than the first are left out.
    """
    alike = [weights for weights in by_member if len(weights) == len(by_member[0])]
    means = []
    for entries in zip(*alike, strict=True):
        names = [item for item, _ in entries]
        means.append((next((one for one in names if one != UNKNOWN_WORD), names[0]), fmean(w for _, w in entries)))
    return tuple(means)


def _weights(features: Features, items: Sequence[Item]) -> Weights[Item] | None:
    """How much each item counted, in order; None where the model does not weigh them."""
    if features.weights is None:
        return None
    shares_of_items = features.weights[0][features.mask[0]].tolist()
    # A text may have more words than the encoder took.
    return tuple(zip(items, shares_of_items, strict=False))
