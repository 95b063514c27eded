"""Augmentation: once a study, in training only."""

from __future__ import annotations

import pytest
import torch

from mmdx.config import Augment
from mmdx.models.augment import StudyAugment

EVERYTHING = Augment(flip=0.5, degrees=20, shift=0.1, zoom=0.2, contrast=0.2)


@pytest.fixture
def images() -> torch.Tensor:
    """Five copies of one picture: two studies of 2 and 3 slices."""
    torch.manual_seed(0)
    return torch.rand(1, 2, 16, 16).repeat(5, 1, 1, 1)


LENGTHS = torch.tensor([2, 0, 3])


def test_slices_of_a_study_move_together_and_studies_do_not(images):
    moved = StudyAugment(EVERYTHING).train()(images, LENGTHS)
    assert torch.equal(moved[0], moved[1])
    assert torch.equal(moved[2], moved[3])
    assert torch.equal(moved[3], moved[4])
    assert not torch.allclose(moved[0], moved[2])
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_evaluation_is_never_augmented(images):
    assert StudyAugment(EVERYTHING).eval()(images, LENGTHS) is images


def test_nothing_asked_for_changes_nothing(images):
    torch.testing.assert_close(StudyAugment(Augment()).train()(images, LENGTHS), images, atol=0, rtol=0)


def test_a_mirror_is_a_mirror(images):
    mirrored = StudyAugment(Augment(flip=1.0)).train()(images, LENGTHS)
    torch.testing.assert_close(mirrored, images.flip(-1), atol=1e-5, rtol=1e-5)


def test_contrast_alone_is_one_gain_and_one_offset_a_study(images):
    images = 0.4 + 0.2 * images  # far from the ends, so that nothing is clipped
    changed = StudyAugment(Augment(contrast=0.1)).train()(images, LENGTHS)
    for start, stop in ((0, 2), (2, 5)):
        before, after = images[start:stop].flatten(), changed[start:stop].flatten()
        gain = (after.max() - after.min()) / (before.max() - before.min())
        torch.testing.assert_close(after, before * gain + (after[0] - before[0] * gain), atol=1e-5, rtol=1e-5)
        assert 0.9 <= gain <= 1.1


def test_the_blank_item_of_a_batch_without_images_stays(images):
    blank = torch.zeros(1, 2, 16, 16)
    assert StudyAugment(EVERYTHING).train()(blank, torch.tensor([0, 0])) is blank
