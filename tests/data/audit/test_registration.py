from __future__ import annotations

import numpy as np
from audited import picture

from mmdx.data.audit.registration import SIDE, best_correlations


def small(seed: int, *, down: int = 0) -> np.ndarray:
    return np.roll(picture(seed, SIDE), down, axis=0)[None].astype(np.float32)


def test_a_picture_fits_itself_moved_by_a_few_pixels() -> None:
    assert best_correlations(small(1), small(1))[0] > 0.99
    assert best_correlations(small(1), small(1, down=4))[0] > 0.95


def test_brightness_and_contrast_do_not_matter() -> None:
    assert best_correlations(small(1), small(1) * 0.5 + 40)[0] > 0.95


def test_other_pictures_do_not_fit() -> None:
    assert best_correlations(small(1), small(2))[0] < 0.5


def test_no_pairs_have_no_correlations() -> None:
    assert best_correlations(np.zeros((0, SIDE, SIDE), np.float32), np.zeros((0, SIDE, SIDE), np.float32)).shape == (0,)
