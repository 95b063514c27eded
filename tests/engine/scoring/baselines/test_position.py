"""Slices answer by their place in their study."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.engine.scoring.baselines.position import position_baseline


def test_slices_answer_by_their_place():
    labels = np.array([[0.0], [0.0], [1.0], [np.nan]])
    found = position_baseline(labels, np.array([0.0, 0.05, 0.95, 0.5]), np.array([0.02, 1.0, 0.5]))
    assert found[:, 0].tolist() == pytest.approx([0.0, 1.0, 1 / 3])
