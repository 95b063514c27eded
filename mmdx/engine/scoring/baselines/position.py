"""What the place of a slice in its study tells of it: `slice position`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.engine.scoring.baselines.inputs import BaselineInputs, all_slices, shares, training_slices
from mmdx.files import SLICE

POSITIONS = 10
"""Tenths of a study by which `slice position` answers."""


def by_position(inputs: BaselineInputs, modality: str, slices: pd.DataFrame) -> Float[np.ndarray, "m f"]:
    """The scores of `slices` (columns `row`, the study's, and `slice`, its place) by their place.

    Fitted on every training slice of the modality, whatever of them the run reads.
    """
    labels = training_slices(inputs, modality)
    at = [_places(np.arange(len(known)), np.full(len(known), len(known))) for known in labels]
    lengths = inputs.store.lengths(modality)[slices["row"].to_numpy()]
    targets = _places(slices[SLICE].to_numpy(), lengths)
    return position_baseline(all_slices(labels, inputs.findings), np.concatenate([np.empty(0), *at]), targets)


def position_baseline(
    labels: Float[np.ndarray, "n f"], places: Float[np.ndarray, "n"], targets: Float[np.ndarray, "m"]
) -> Float[np.ndarray, "m f"]:
    """The share of positives among training slices (`labels`, NaN unknown) in the same tenth of their study.

    `places` and `targets` say where the training slices and those to be scored stand in their study, from 0 to 1. A
    tenth of which nothing is known answers with the prevalence.
    """
    tenth, target = (np.minimum((at * POSITIONS).astype(int), POSITIONS - 1) for at in (places, targets))
    tenths = np.tile(shares(labels), (POSITIONS, 1))
    for part in np.unique(tenth):
        counts = (~np.isnan(labels[tenth == part])).sum(axis=0)
        positive = np.nansum(labels[tenth == part], axis=0)
        tenths[part] = np.where(counts > 0, positive / np.maximum(counts, 1), tenths[part])
    return tenths[target]


def _places(numbers: np.ndarray, lengths: np.ndarray) -> Float[np.ndarray, "n"]:
    """The middle of each slice in its study, from 0 to 1."""
    return (numbers + 0.5) / lengths
