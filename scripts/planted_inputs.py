"""A reader of cohorts of which it is known what an image and a report tell, alone and together.

Kinds are those of `simulate_inputs.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from mmdx.registry import READERS
from mmdx.study import Study, VectorFiles

Planted = Literal["nothing", "leaking", "additive", "interaction"]
KINDS: tuple[Planted, ...] = ("nothing", "leaking", "additive", "interaction")
WIDTH = 4
PLAIN = ("Seen in the ward.", "Seen in the clinic.", "Seen at home.")


@READERS("planted_inputs")
def read(root: Path, *, kind: Planted = "additive", patients: int = 400, seed: int = 0) -> list[Study]:
    """Studies of one descriptor and one sentence, made in `root`."""
    chance = np.random.default_rng([seed, KINDS.index(kind)])
    root.mkdir(parents=True, exist_ok=True)
    studies = []
    for number in range(patients):
        label, cue, z = _drawn(kind, chance)
        path = root / f"{number:04d}.npy"
        np.save(path, np.concatenate([[z], chance.normal(size=WIDTH - 1)]).astype(np.float32)[None])
        said = "Fell down the stairs." if cue else "Did not fall."
        report = " ".join([PLAIN[int(chance.integers(len(PLAIN)))], said])
        name = f"p{number:04d}"
        files = VectorFiles((path,), WIDTH)
        studies.append(Study(name, name, {"image": files, "report": report}, {"bleed": float(label)}))
    return studies


def _drawn(kind: Planted, chance: np.random.Generator) -> tuple[bool, bool, float]:
    """The label, the cue of the report, and what the image shows."""
    label = bool(chance.random() < 0.4)
    if kind == "interaction":
        cue, positive = bool(chance.random() < 0.5), bool(chance.random() < 0.5)
        told = (cue != positive) != (chance.random() < 0.1)
        return told, cue, float(chance.normal(1.5 if positive else -1.5, 0.7))
    right = {"nothing": 0.5, "leaking": 1.0, "additive": 0.75}[kind]
    cue = label if chance.random() < right else not label
    return label, cue, float(chance.normal(0.5 if label and kind == "leaking" else 1.3 * label, 1.0))
