"""Augmentation: once a study, in training only."""

from __future__ import annotations

import pytest
import torch

from mmdx.batch import Boxes
from mmdx.models.augment import StudyAugment, move_boxes
from mmdx.schema import Augment

EVERYTHING = Augment(flip=0.5, degrees=20, shift=0.1, zoom=0.2, contrast=0.2, gamma=0.3)


@pytest.fixture
def images() -> torch.Tensor:
    """Five copies of one picture: two studies of 2 and 3 slices."""
    torch.manual_seed(0)
    return torch.rand(1, 2, 16, 16).repeat(5, 1, 1, 1)


LENGTHS = torch.tensor([2, 0, 3])


def test_slices_of_a_study_move_together_and_studies_do_not(images):
    moved, _ = StudyAugment(EVERYTHING).train()(images, LENGTHS)
    assert torch.equal(moved[0], moved[1])
    assert torch.equal(moved[2], moved[3])
    assert torch.equal(moved[3], moved[4])
    assert not torch.allclose(moved[0], moved[2])
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_evaluation_is_never_augmented(images):
    still, moves = StudyAugment(EVERYTHING).eval()(images, LENGTHS)
    assert still is images
    assert moves is None


def test_nothing_asked_for_changes_nothing(images):
    torch.testing.assert_close(StudyAugment(Augment()).train()(images, LENGTHS)[0], images, atol=0, rtol=0)


def test_a_mirror_is_a_mirror(images):
    mirrored, _ = StudyAugment(Augment(flip=1.0)).train()(images, LENGTHS)
    torch.testing.assert_close(mirrored, images.flip(-1), atol=1e-5, rtol=1e-5)


def test_contrast_alone_is_one_gain_and_one_offset_a_study(images):
    images = 0.4 + 0.2 * images  # far from the ends, so that nothing is clipped
    changed, _ = StudyAugment(Augment(contrast=0.1)).train()(images, LENGTHS)
    for start, stop in ((0, 2), (2, 5)):
        before, after = images[start:stop].flatten(), changed[start:stop].flatten()
        gain = (after.max() - after.min()) / (before.max() - before.min())
        torch.testing.assert_close(after, before * gain + (after[0] - before[0] * gain), atol=1e-5, rtol=1e-5)
        assert 0.9 <= gain <= 1.1


def test_gamma_is_one_power_a_study_and_keeps_black_and_white(images):
    images = images.clone()
    images[:, :, 0, 0], images[:, :, 0, 1] = 0, 1
    changed, _ = StudyAugment(Augment(gamma=0.5)).train()(images, LENGTHS)
    powers = []
    for start, stop in ((0, 2), (2, 5)):
        assert changed[start:stop, :, 0, :2].flatten().tolist() == [0, 1] * 2 * (stop - start)
        before, after = images[start:stop, :, 1:].flatten(), changed[start:stop, :, 1:].flatten()
        power = (after[0].log() / before[0].log()).item()
        torch.testing.assert_close(after, before**power, atol=1e-5, rtol=1e-4)
        assert 1 / 1.5 <= power <= 1.5
        powers.append(power)
    assert powers[0] != powers[1]


def test_noise_is_of_one_strength_a_study_and_another_in_each_slice():
    grey = torch.full((5, 1, 64, 64), 0.5)
    noisy, moves = StudyAugment(Augment(noise=0.1)).train()(grey, LENGTHS)
    assert moves is None
    deviations = noisy.std(dim=(1, 2, 3)).tolist()
    assert deviations[0] == pytest.approx(deviations[1], rel=0.1)
    assert deviations[2] == pytest.approx(deviations[4], rel=0.1)
    assert max(deviations) < 0.105
    assert not torch.equal(noisy[0], noisy[1])
    assert noisy.mean().item() == pytest.approx(0.5, abs=0.01)


def test_the_blank_item_of_a_batch_without_images_stays(images):
    blank = torch.zeros(1, 2, 16, 16)
    assert StudyAugment(EVERYTHING).train()(blank, torch.tensor([0, 0]))[0] is blank


def boxes(*corners: tuple[float, float, float, float]) -> Boxes:
    """Each on the first image of its study in turn."""
    images = torch.tensor([(0, 2)[index % 2] for index in range(len(corners))])
    return Boxes(torch.tensor(corners, dtype=torch.float32), images, torch.arange(len(corners)))


def matrices(*rows: list[list[float]]) -> torch.Tensor:
    """A move for each study; the one without images keeps still."""
    first, last = rows
    return torch.tensor([first, [[1.0, 0, 0], [0, 1, 0]], last])


STILL = [[1.0, 0, 0], [0, 1, 0]]


def test_a_mirror_mirrors_boxes_of_its_study_alone():
    moved = move_boxes(boxes((1, 2, 5, 6), (1, 2, 5, 6)), matrices([[-1, 0, 0], [0, 1, 0]], STILL), LENGTHS, 16, 16)
    torch.testing.assert_close(moved.corners, torch.tensor([[11.0, 2, 15, 6], [1, 2, 5, 6]]))
    assert moved.images.tolist() == [0, 2]
    assert moved.findings.tolist() == [0, 1]


def test_a_shifted_box_is_clipped_and_one_that_left_is_dropped():
    # The moved image shows at x what was at x + 8 (half the side of 16): lesions go 8 to the left.
    left = matrices([[1, 0, 1], [0, 1, 0]], [[1, 0, 1], [0, 1, 0]])
    moved = move_boxes(boxes((6, 2, 14, 6), (0, 0, 8, 4), (7, 0, 15, 4)), left, LENGTHS, 16, 16)
    torch.testing.assert_close(moved.corners, torch.tensor([[0.0, 2, 6, 6], [0, 0, 7, 4]]))
    assert moved.findings.tolist() == [0, 2]


def test_a_quarter_turn_turns_boxes():
    turned = matrices([[0, -1, 0], [1, 0, 0]], STILL)
    # A place (x, y) of the moved image shows (-y, x): what was at (x, y) is at (y, -x).
    moved = move_boxes(boxes((8, 2, 14, 4)), turned, LENGTHS, 16, 16)
    torch.testing.assert_close(moved.corners, torch.tensor([[2.0, 2, 4, 8]]))


def test_boxes_follow_the_pixels_under_any_move():
    torch.manual_seed(3)
    picture = torch.zeros(5, 1, 64, 64)
    picture[:, :, 20:36, 24:40] = 1
    bounds = Augment(flip=0.5, degrees=15, shift=0.1, zoom=0.2)
    moved, moves = StudyAugment(bounds).train()(picture, LENGTHS)
    found = move_boxes(boxes((24, 20, 40, 36), (24, 20, 40, 36)), moves, LENGTHS, 64, 64)
    for corners, image in zip(found.corners.tolist(), found.images.tolist(), strict=True):
        rows, columns = (moved[image, 0] > 0.5).nonzero().T
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert corners == pytest.approx([float(edge) for edge in seen], abs=1.5)
