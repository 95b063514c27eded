"""How far the images of a study lie from those that a model learned from, by the vectors of its own encoder.

The distance is Mahalanobis's (Lee et al. 2018, NeurIPS) of the mean vector of a study's items to those of training
studies. Only sums over these studies are kept: nothing of any one of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmdx.batch import Features
from mmdx.errors import DataError, reason
from mmdx.files import ModelLayout, write_json, written

FALSE_ALARMS = 0.05
"""The share of patients like those of training whose images are farther away than the limit, at most."""
_TENSORS = ("centre", "spread", "directions", "weights")


@dataclass(frozen=True)
class Reference:
    """Training studies of one input: `centre` and `spread` of each number of their vectors; of the numbers in units of
    spread, the `directions` in which they vary and, for a distance, the weight of each beyond the `rest`, that of all
    other directions. `limit` is the distance within which a share of 1 - `FALSE_ALARMS` of validation patients lie."""

    centre: Float[Tensor, "d"]
    spread: Float[Tensor, "d"]
    directions: Float[Tensor, "r d"]
    weights: Float[Tensor, "r"]
    rest: float
    limit: float = 1.0

    def distance(self, vectors: Float[Tensor, "b d"]) -> Float[Tensor, "b"]:
        """How far studies lie from the training studies."""
        away = (vectors.double().cpu() - self.centre.double()) / self.spread.double()
        along = away @ self.directions.double().T
        squares = (along.square() * self.weights.double()).sum(dim=1) + self.rest * away.square().sum(dim=1)
        return squares.clamp(min=0).sqrt()


def study_vectors(features: Features) -> Float[Tensor, "b d"] | None:
    """The mean vector of the items of each study, None where an encoder gives none; of a study without items, zeros."""
    if features.vectors is None:
        return None
    mask = features.mask.unsqueeze(-1)
    vectors = torch.where(mask, features.vectors.float(), 0.0)
    return vectors.sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def write_domain(folder: Path, references: Mapping[str, Reference]) -> None:
    """Writes the references by input into a model folder; the description last, with which they are whole."""
    layout = ModelLayout(folder)
    tensors = {
        f"{name}.{key}": getattr(reference, key).float().cpu().contiguous()
        for name, reference in references.items()
        for key in _TENSORS
    }
    with written(layout.domain_tensors) as partial:
        save_file(tensors, partial, metadata={"format": "pt"})
    inputs = {name: {"rest": reference.rest, "limit": reference.limit} for name, reference in references.items()}
    write_json(layout.domain, {"false_alarms": FALSE_ALARMS, "inputs": inputs})


def read_domain(folder: Path) -> dict[str, Reference]:
    """The references in a model folder, by input; empty where there are none. Raises `DataError` where they cannot be
    read."""
    layout = ModelLayout(folder)
    if not layout.domain.is_file():
        return {}
    try:
        inputs = json.loads(layout.domain.read_text(encoding="utf-8"))["inputs"]
        tensors = load_file(layout.domain_tensors)
        return {
            name: Reference(*(tensors[f"{name}.{key}"] for key in _TENSORS), float(raw["rest"]), float(raw["limit"]))
            for name, raw in inputs.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DataError(
            f"{layout.domain}: cannot be read ({reason(error)}); copy the whole model folder again"
        ) from None
