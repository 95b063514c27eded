"""How often each finding is positive among some studies, by study and by image. No pixel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from mmdx.data.store.store import Store


def prevalence(store: Store, rows: Sequence[int], findings: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The share of known labels that is positive, a finding each: `study`, and each modality with slice labels.

    NaN where no label is known. A modality of which no image of these studies is labelled has no entry.
    """
    columns = store.columns_of(findings)
    found = {"study": shares(*_counts(store.labels[list(rows)][:, columns]))}
    for name in [name for name, facts in store.modalities.items() if facts.kind == "images"]:
        known = positive = np.zeros(len(columns), dtype=np.int64)
        for row in rows:
            here, there = _counts(store.read(row).slice_labels(name)[:, columns])
            known, positive = known + here, positive + there
        if known.any():
            found[name] = shares(known, positive)
    return found


def shares(known: Int[np.ndarray, " f"], positive: Int[np.ndarray, " f"]) -> tuple[float, ...]:
    return tuple(p / k if k else float("nan") for k, p in zip(known.tolist(), positive.tolist(), strict=True))


def _counts(labels: Float[np.ndarray, "k f"]) -> tuple[Int[np.ndarray, " f"], Int[np.ndarray, " f"]]:
    """How many labels of each finding are known, and how many positive."""
    return (~np.isnan(labels)).sum(axis=0), (labels == 1).sum(axis=0)
