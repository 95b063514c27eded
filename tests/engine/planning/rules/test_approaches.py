"""How images are read: frozen or trained, with which encoder, at which size."""

from __future__ import annotations

import pytest
from planning import BARE, cohort, gpu, machine, pictures

from mmdx.engine.planning.rules.approaches import approaches, side_of


def ways(planned, on):
    return [(way.encoder, way.weights is not None, way.frozen, way.size) for way in approaches(planned, on)]


def of_side(side: int, **changes):
    return cohort(pictures={"image": pictures(pixels={"side": side})}, **changes)


def test_a_small_cohort_takes_the_frozen_encoder_that_is_installed() -> None:
    assert ways(cohort(), machine()) == ways(cohort(), gpu()) == [("tf_efficientnet_lite0", True, True, 224)]


def test_a_large_cohort_trains_it_where_there_is_time() -> None:
    large = cohort(patients=5000)
    assert [way[2] for way in ways(large, machine())] == [False, True]


def test_without_weights_an_encoder_starts_at_random_and_images_shrink_for_want_of_time() -> None:
    assert ways(cohort(), BARE) == [("test_resnet", False, False, side) for side in (224, 160, 112, 64)]
    assert ways(cohort(), gpu(image_weights=()))[0] == ("resnet18", False, False, 224)


def test_small_images_are_not_for_encoders_of_photographs() -> None:
    assert ways(of_side(64), machine()) == [
        ("test_resnet", False, False, 64),
        ("tf_efficientnet_lite0", True, True, 64),
    ]


@pytest.mark.parametrize(("side", "size"), [(20, 32), (28, 32), (100, 100), (224, 224), (3000, 224)])
def test_the_size_of_stored_images(side: int, size: int) -> None:
    assert side_of(of_side(side)) == size


def test_without_images_there_is_nothing_to_choose() -> None:
    (way,) = approaches(cohort(pictures={}), machine())
    assert (way.encoder, way.trained) == ("", False)
