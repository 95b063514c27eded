"""Explanations in the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mmdx.engine.inference.answers import Refused
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation
from mmdx.errors import DataError
from mmdx.terminal.explanations import show_explanations


def test_the_likeliest_slices_and_the_words_that_counted_most():
    grey = np.zeros((2, 2))
    slices = (ExplainedSlice(7, 0.75, grey, grey), ExplainedSlice(0, 0.5, grey, grey))
    words = {"report": tuple(zip("abcdef", (0.1, 0.3, 0.2, 0.15, 0.05, 0.2), strict=True))}
    answers = [Refused("s2", "no images"), Explanation("s1", "ct", {"bleed": slices}, None, words)]
    output = StringIO()
    with pytest.raises(DataError, match="refused: s2: no images"):
        show_explanations(answers, Path("out"), Console(file=output, width=100))
    lines = output.getvalue().splitlines()
    assert lines[0] == "s1  (study-001)"
    assert any("7 (0.75), 0 (0.50)" in line for line in lines)
    assert lines[-2:] == ["report: b 0.30, c 0.20, f 0.20, d 0.15, a 0.10", "explained:  out/explain.json"]
