"""The branch of images: the view that suits what is stored, neighbours as channels, maps where they are asked for."""

from __future__ import annotations

import pytest
import torch
from parts import IMAGES, config_of

from mmdx.batch import Packed
from mmdx.engine.assembly.resolve import resolve
from mmdx.models.branches.images import ImageBranch
from mmdx.models.facts import InputFacts
from mmdx.models.views import Grey, Rgb, Windows


def branch_of(facts: InputFacts, **options: object) -> ImageBranch:
    torch.manual_seed(0)
    section = resolve(config_of(image={**IMAGES, **options})).model.inputs["image"]
    branch, _ = ImageBranch.build(section, facts, dim=3, where="model.inputs.image")
    assert isinstance(branch, ImageBranch)
    return branch.eval()


def photographs(count: int = 3, channels: int = 1) -> torch.Tensor:
    pixels = torch.arange(count * channels * 16 * 16) % 251
    return pixels.reshape(count, channels, 16, 16).to(torch.uint8)


@pytest.mark.parametrize(
    ("facts", "view"),
    [
        (InputFacts("images", unit="HU"), Windows),
        (InputFacts("images", channels=3), Rgb),
        (InputFacts("images"), Grey),
    ],
)
def test_a_view_that_nobody_names_suits_what_is_stored(facts: InputFacts, view: type) -> None:
    assert isinstance(branch_of(facts).view, view)


def test_each_study_has_its_own_items() -> None:
    features = branch_of(InputFacts("images"))(Packed(photographs(), torch.tensor([2, 0, 1])))
    assert features.mask.tolist() == [[True, True], [False, False], [True, False]]
    assert features.pooled.shape == (3, 3)
    assert features.vectors is not None
    assert features.vectors.shape == (3, 2, 6)
    assert features.maps == ()


def test_maps_come_where_they_are_asked_for_and_change_no_answer() -> None:
    branch, packed = branch_of(InputFacts("images")), Packed(photographs(), torch.tensor([2, 1]))
    features = branch.with_maps(packed, 1)
    assert [tuple(level.shape) for level in features.maps] == [(3, 6, 2, 2)]
    torch.testing.assert_close(features.pooled, branch(packed).pooled)
    assert branch.sizes.maps == (6,)


def test_a_set_of_images_with_neighbours_has_an_order() -> None:
    plain = branch_of(InputFacts("images"), sequence="mean")
    around = branch_of(InputFacts("images"), sequence="mean", neighbours=1)
    assert not plain.minds_order
    assert around.minds_order
    assert around(Packed(photographs(), torch.tensor([3]))).pooled.shape == (1, 3)
