"""What images a model knows: where its training studies lie, and how far from them studies lie that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from sklearn.covariance import ledoit_wolf_shrinkage

from mmdx.data.counting import Count, counting, uncounted
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import Share, build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.encoded import with_descriptors
from mmdx.kinds import KINDS
from mmdx.models.domain import FALSE_ALARMS, Reference, study_vectors, write_domain

MOST_PATIENTS = 200
"""Patients of training, and of validation, of whom one study each is looked at."""
FEWEST_TRAINING = 10
"""Training studies below which nothing is said of how they vary."""
LEAST_SPREAD = 0.01
"""The least spread of a number, as a share of the largest."""
LEAST_SHRINKAGE = 1e-3

Vectors = dict[str, Float[np.ndarray, "_ _"]]
Distances = dict[str, Float[np.ndarray, "_"]]


def vectors_of(saved: SavedModel, store: Store, rows: Sequence[int], count: Count = uncounted) -> Vectors:
    """The vectors of one study each of at most `MOST_PATIENTS` patients, drawn by the config's seed, by input of images
    or descriptors; of studies that have them alone. In this process alone, which tells `count` how far it is."""
    names = [name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].sliced]
    chosen = _one_a_patient(store.patient_ids, rows, saved.config.seed)
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    if not names or not chosen:
        return {}
    saved = with_descriptors(saved, store)
    loader, _ = build_loader(saved.recipe, store, chosen, shuffle=False, shown=names, share=Share())
    device, was_training = next(saved.model.parameters()).device, saved.model.training
    saved.model.eval()
    for batch in counting(loader, lambda batch: len(batch.study_ids), "learning where images lie", len(chosen), count):
        batch = batch.to(device)
        with torch.inference_mode():
            features = saved.model(batch).features
        for name in names:
            vectors = study_vectors(features[name])
            if vectors is not None:
                found[name].append(vectors[batch.present(name)].cpu().numpy())
    saved.model.train(was_training)
    return {name: np.concatenate(parts) for name, parts in found.items() if parts}


def _one_a_patient(patient_ids: Sequence[str], rows: Sequence[int], seed: int) -> list[int]:
    drawn = np.random.default_rng(seed).permutation(np.array(sorted(rows), dtype=int)).tolist()
    chosen: dict[str, int] = {}
    for row in drawn:
        chosen.setdefault(patient_ids[row], row)
    return sorted(list(chosen.values())[:MOST_PATIENTS])


def reference_of(vectors: Float[np.ndarray, "n d"]) -> Reference | None:
    """Where training studies lie, the median distance of one of them being 1; None where they are too few, or all the
    same. How they vary together is shrunk as Ledoit and Wolf (2004) do."""
    if len(vectors) < FEWEST_TRAINING or not np.isfinite(vectors).all():
        return None
    values = vectors.astype(np.float64)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    if spread.max() <= 0:
        return None
    spread = np.maximum(spread, LEAST_SPREAD * spread.max())
    away = (values - centre) / spread
    _, lengths, directions = np.linalg.svd(away, full_matrices=False)
    variances, mean_variance = lengths**2 / len(away), float((away**2).mean())
    shrinkage = max(float(ledoit_wolf_shrinkage(away, assume_centered=True)), LEAST_SHRINKAGE)
    rest = 1 / (shrinkage * mean_variance)
    weights = 1 / ((1 - shrinkage) * variances + shrinkage * mean_variance) - rest
    tensors = (torch.from_numpy(np.ascontiguousarray(part)).float() for part in (centre, spread, directions, weights))
    plain = Reference(*tensors, rest)
    usual = float(plain.distance(torch.from_numpy(vectors).float()).median())
    if usual <= 0:
        return None
    return replace(plain, weights=plain.weights / usual**2, rest=rest / usual**2)


def held_out_distances(learned: Vectors, unseen: Vectors) -> Distances:
    """How far studies that a model has not seen lie from those of which it learned, by input."""
    distances = {}
    for name, vectors in learned.items():
        reference = reference_of(vectors)
        if reference is not None and name in unseen:
            distances[name] = reference.distance(torch.from_numpy(unseen[name])).numpy()
    return distances


def limit_of(distances: Float[np.ndarray, "n"]) -> float | None:
    """The distance beyond which at most a share of `FALSE_ALARMS` of patients like these lie, on average over samples
    of them (a conformal quantile); None where they are too few to tell."""
    place = math.ceil((len(distances) + 1) * (1 - FALSE_ALARMS))
    return float(np.sort(distances)[place - 1]) if place <= len(distances) else None


def know_domain(learned: Vectors, held_out: Sequence[Distances], folder: Path) -> None:
    """Writes into a model folder where the studies lie of which its model learned, and as a limit what the distances of
    studies that were held out say; nothing where they say nothing."""
    limits: Mapping[str, float | None] = {
        name: limit_of(np.concatenate([part[name] for part in held_out if name in part]))
        for name in {name for part in held_out for name in part}
    }
    known = {name: limit for name, limit in limits.items() if limit}
    references = {name: reference_of(learned[name]) for name in sorted(known) if name in learned}
    found = {name: replace(one, limit=known[name]) for name, one in references.items() if one is not None}
    if found:
        write_domain(folder, found)
