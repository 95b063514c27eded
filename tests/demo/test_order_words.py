"""Order certificates in words."""

from __future__ import annotations

import pytest

from mmdx.demo.order_words import order_in_words
from mmdx.study import Order


@pytest.mark.parametrize(
    ("order", "count", "said"),
    [
        (
            Order("position", 5.0, gaps=(1, 3), agrees=True),
            9,
            [
                "9 slices stand by their positions in the patient (ImagePositionPatient), the strongest evidence.",
                "From slice to slice it is 5 mm.",
                "At least one slice is missing after slice 2, 4.",
                "Other evidence agrees.",
            ],
        ),
        (
            Order("instance", duplicates=(2,), agrees=False),
            4,
            [
                "4 slices stand by their InstanceNumber, as they name no positions.",
                "No slice is missing between them.",
                "At the place of the one before stands slice 3.",
                "Other evidence (numbers or names) disagrees.",
            ],
        ),
        (Order("unknown"), 2, ["2 slices stand in an order that nobody knows: no positions, no numbers."]),
        (Order("given"), 1, ["One image, so there is no order to prove."]),
    ],
    ids=["position", "instance", "unknown", "alone"],
)
def test_a_certificate_is_told_in_sentences(order: Order, count: int, said: list[str]) -> None:
    assert order_in_words(order, count) == said
