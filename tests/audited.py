"""Facts of stores and pictures that a person can write down, for the tests of audits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmdx.data.audit.store_facts import StoreFacts


def store_facts(
    *,
    labels: Mapping[str, Sequence[float]],
    patients: Sequence[str] | None = None,
    splits: Sequence[Any] | None = None,
    traits: Sequence[dict[str, str | float]] | None = None,
    reports: Sequence[str | None] | None = None,
    study_ids: Sequence[str] | None = None,
    series: Sequence[str | None] | None = None,
    slice_positive: Sequence[Sequence[bool]] | None = None,
    slice_negative: Sequence[Sequence[bool]] | None = None,
) -> StoreFacts:
    """Studies without images; by default each of its own patient, dealt in turn, and named by random-looking ids."""
    rows = len(next(iter(labels.values())))
    people = list(patients or [f"p{i * 7919 % 9973:04d}" for i in range(rows)])
    nowhere = np.zeros((rows, len(labels)), dtype=bool)
    return StoreFacts(
        study_ids=tuple(study_ids or [f"s{i * 7919 % 9973:04d}" for i in range(rows)]),
        patient_ids=tuple(people),
        patients=np.unique(people, return_inverse=True)[1],
        splits=tuple(splits or [("train", "val", "test")[i % 3] for i in range(rows)]),
        findings=tuple(labels),
        labels=np.array(list(labels.values()), dtype=np.float32).T,
        traits=tuple(traits or [{} for _ in range(rows)]),
        series=tuple(series or [None] * rows),
        reports={} if reports is None else {"report": tuple(reports)},
        lengths={},
        sources={},
        images={},
        slice_positive=nowhere if slice_positive is None else np.array(slice_positive),
        slice_negative=nowhere if slice_negative is None else np.array(slice_negative),
    )


def picture(seed: int, side: int = 128) -> np.ndarray:
    """Grey levels with detail of every size, another for each seed."""
    rng = np.random.default_rng(seed)
    layers = [gaussian_filter(rng.normal(size=(side, side)), width) for width in (2, 4, 8, 16)]
    mixed = sum(layer / layer.std() for layer in layers)
    return np.clip(110 + 28 * mixed, 0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path
