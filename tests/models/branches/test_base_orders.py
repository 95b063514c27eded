"""Studies of unknown order in a sequence model: in training a random one, and each item back again."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmdx.batch import Features, Packed
from mmdx.models.branches.base import in_sequence
from mmdx.models.packing import masked_softmax
from mmdx.models.sequence.base import SequenceModel

VALUES = torch.arange(12.0)[:, None]
"""The items of two studies: 0 to 7, and 8 to 11."""


class First(SequenceModel):
    """Items as they are, weighed by their own values; the first one answers, beside its place."""

    def __init__(self, *, minds_order: bool = True) -> None:
        super().__init__()
        self.dim, self.item_dim, self.minds_order = 2, 1, minds_order

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        pooled = torch.stack([items[:, 0, 0], places[:, 0]], dim=1)
        return Features(items, mask, pooled, masked_softmax(items[..., 0], mask))


def packed(*unordered: bool) -> Packed:
    return Packed(VALUES, torch.tensor([8, 4]), VALUES[:, 0] * 5, unordered=torch.tensor(unordered))


def firsts(sequence: SequenceModel, batch: Packed) -> list[tuple[float, float]]:
    """Which item of each study came first, in each of forty draws."""
    torch.manual_seed(0)
    draws = [in_sequence(sequence, batch.values, batch).pooled for _ in range(40)]
    assert all(torch.equal(draw[:, 1], draw[:, 0] * 5) for draw in draws)
    return [tuple(draw[:, 0].tolist()) for draw in draws]


def test_in_training_an_unordered_study_stands_in_a_new_order_each_time():
    drawn = firsts(First().train(), packed(True, False))
    assert {first for first, _ in drawn} == set(range(8))
    assert {second for _, second in drawn} == {8}


def test_what_is_given_for_an_item_comes_back_to_its_place():
    torch.manual_seed(0)
    batch = packed(True, True)
    features = in_sequence(First().train(), batch.values, batch)
    plain = in_sequence(First().eval(), batch.values, batch)
    assert features.pooled[0, 0] != plain.pooled[0, 0]
    for drawn, stored in ((features.items, plain.items), (features.weights, plain.weights)):
        assert drawn is not None
        assert stored is not None
        # Rows of another place in a matrix may be summed in another order.
        torch.testing.assert_close(drawn, stored, atol=1e-6, rtol=0)
    assert features.vectors is not None
    assert features.vectors[1, :, 0].tolist() == [8, 9, 10, 11, 0, 0, 0, 0]


def test_the_order_stays_in_evaluation_in_a_set_and_where_it_is_known():
    assert set(firsts(First().eval(), packed(True, True))) == {(0, 8)}
    assert set(firsts(First(minds_order=False).train(), packed(True, True))) == {(0, 8)}
    assert set(firsts(First().train(), packed(False, False))) == {(0, 8)}


def test_nothing_is_drawn_where_every_order_is_known():
    """What else a training draws stays as it is."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    in_sequence(First().train(), VALUES, packed(False, False))
    assert torch.equal(torch.get_rng_state(), before)
