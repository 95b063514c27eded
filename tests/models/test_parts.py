"""Every part of a model is registered by the file that it lies in."""

from __future__ import annotations

import subprocess
import sys


def test_parts_of_every_package_are_registered() -> None:
    program = (
        "from mmdx.models.parts import register_model_parts; register_model_parts()\n"
        "from mmdx.registry import BRANCHES, FUSIONS, HEADS, SEQUENCES\n"
        "for registry in (BRANCHES, FUSIONS, HEADS, SEQUENCES): print(*registry.names())"
    )
    lines = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    branches, fusions, heads, sequences = (line.split() for line in lines.splitlines())
    assert branches == ["images", "tabular", "text", "vectors"]
    assert {"bottleneck", "concat", "guided"} <= set(fusions)
    assert heads == ["boxes", "description", "slice", "study"]
    assert sequences == ["adjacent", "attention", "gru", "lstm", "max", "mean", "transformer"]
