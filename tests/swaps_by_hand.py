"""Swaps of models whose answer is a known function of what an image and a report say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmdx.stats.sections.inputs.files import Swaps


def swaps_of(
    image: np.ndarray,
    report: np.ndarray,
    answer: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.add,
    *,
    studies: Sequence[str] = (),
) -> Swaps:
    """Those of a model that says `answer(image, report)`, and of one input alone that input's number."""
    pairs = answer(image[:, None], report[None, :])[:, :, None].astype(np.float32)
    own, alone = np.einsum("iif->if", pairs), {"image": image, "report": report}
    shown = {name: values[:, None].astype(np.float32) for name, values in alone.items()}
    return Swaps(
        tuple(studies) or tuple(f"s{i}" for i in range(len(image))),
        ("bleed",),
        ("image", "report"),
        len(image),
        {"image": np.ascontiguousarray(pairs.transpose(1, 0, 2)), "report": pairs},
        {**shown, "image+report": own},
        {"report: negations flipped": -own},
        {"report: negations flipped": np.ones(len(image), dtype=bool)},
    )
