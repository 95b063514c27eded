"""How far the images of a study lie from those that a model learned from, by the vectors of its own encoder.

The distance is Mahalanobis's (Lee et al. 2018, NeurIPS) of the mean vector of a study's items to those of training
studies. Only sums over these studies are kept: nothing of any one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Features
from mmdx.errors import DataError, reason
from mmdx.files import ModelLayout
from mmdx.models.weights import read_tensors, write_tensors
from mmdx.strangers.sealed import number_in, read_sealed, require, write_sealed

FALSE_ALARMS = 0.05
"""The share of patients like those of training whose images are farther away than the limit, at most."""
_AGAIN = "copy the whole model folder again"
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
    write_tensors(layout.domain_tensors, tensors)
    inputs = {name: {"rest": reference.rest, "limit": reference.limit} for name, reference in references.items()}
    write_sealed(layout.domain, {"false_alarms": FALSE_ALARMS, "inputs": inputs}, [layout.domain_tensors])
    require(layout.facts, layout.domain)


def read_domain(folder: Path) -> dict[str, Reference]:
    """The references in a model folder, by input; empty where there are none. Raises `DataError` where they cannot be
    read."""
    layout = ModelLayout(folder)
    try:
        inputs = read_sealed(layout.domain, _AGAIN)["inputs"]
    except FileNotFoundError:
        return {}
    except KeyError:
        raise DataError(f"{layout.domain}: has no inputs; {_AGAIN}") from None
    try:
        tensors = read_tensors(layout.domain_tensors, _AGAIN)
        return {name: _reference(name, raw, tensors) for name, raw in inputs.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(f"{layout.domain}: cannot be read ({reason(error)}); {_AGAIN}") from None


def _reference(name: str, raw: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Reference:
    """Raises `ValueError` where numbers do not fit each other, or say nothing of a distance."""
    centre, spread, directions, weights = (tensors[f"{name}.{key}"] for key in _TENSORS)
    rest, limit = (number_in(raw, key) for key in ("rest", "limit"))
    width, count = centre.numel(), weights.numel()
    shapes = [tuple(value.shape) for value in (centre, spread, directions, weights)]
    if shapes != [(width,), (width,), (count, width), (count,)]:
        raise ValueError(f"'{name}' has tensors of shapes {shapes}, which do not fit each other")
    if not all(value.is_floating_point() for value in (centre, spread, directions, weights)):
        raise ValueError(f"'{name}' has tensors that are no decimal numbers")
    if limit <= 0 or not (spread > 0).all():
        raise ValueError(f"'{name}' has a limit or a spread that is not above 0")
    return Reference(centre, spread, directions, weights, rest, limit)
