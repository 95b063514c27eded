"""Fusions that look at items, on values that a person can write down."""

from __future__ import annotations

import pytest
import torch

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.fusion.attention import Bottleneck, CrossAttention, others


def features(items: list[list[float]], pooled: list[float], *, blank: int = 0) -> Features:
    """One study with these items, `blank` places behind them."""
    real = torch.tensor(items).reshape(1, -1, 2)
    padded = torch.cat([real, torch.zeros(1, blank, 2)], dim=1)
    mask = torch.arange(padded.shape[1]) < real.shape[1]
    return Features(padded, mask.unsqueeze(0), torch.tensor([pooled]))


def plain(modalities: int) -> CrossAttention:
    """Weights under which every token counts alike and is handed on as it is, so that attention is a mean."""
    fusion = CrossAttention(dict.fromkeys("abc"[:modalities], 2), 2, heads=1).eval()
    for name in ("norm", "join", "values", "found"):
        setattr(fusion, name, torch.nn.Identity())
    for tokens in fusion.tokens:
        tokens.project = torch.nn.Identity()
    for parameter in (fusion.ask.weight, fusion.ask.bias, fusion.kinds):
        torch.nn.init.zeros_(parameter)
    return fusion


def test_each_modality_asks_all_tokens_of_the_others_and_none_of_its_own():
    assert others([1, 3], torch.device("cpu")).tolist() == [[False, True, True, True], [True, False, False, False]]
    assert others([3], torch.device("cpu")).tolist() == [[True, True, True]]


def test_with_equal_scores_a_modality_gains_the_mean_of_the_others():
    a = features([[1.0, 1.0]], [10.0, 0.0], blank=2)
    b = features([[4.0, 0.0], [2.0, 6.0]], [0.0, 3.0])
    # a gains the mean of b's pooled and two items, (2, 3); b that of a's pooled and one item, (5.5, 0.5).
    assert plain(2)({"a": a, "b": b}).flatten().tolist() == pytest.approx([12.0, 3.0, 5.5, 3.5])


def test_a_study_without_items_of_others_gains_their_stand_in():
    a = features([[1.0, 1.0]], [10.0, 0.0])
    b = features([], [0.0, 3.0], blank=2)
    assert plain(2)({"a": a, "b": b}).flatten().tolist() == pytest.approx([10.0, 3.0, 5.5, 3.5])


def test_a_lone_modality_asks_its_own_items():
    assert plain(1)({"a": features([[4.0, 0.0]], [2.0, 2.0])}).flatten().tolist() == pytest.approx([5.0, 3.0])


def test_what_cross_attention_keeps_for_the_backward_pass_grows_with_the_items():
    fusion, kept = CrossAttention({"a": 2, "b": 2}, 8), {}
    for count in (64, 128, 256):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x):
            seen = Features(torch.randn(2, count, 2), torch.ones(2, count, dtype=torch.bool), torch.randn(2, 8))
            fusion({"a": seen, "b": seen})
        kept[count] = sum(sizes)
    # A line: twice as many items more, twice as much more; a square would be four times as much.
    assert kept[256] - kept[128] == pytest.approx(2 * (kept[128] - kept[64]), rel=0.05)


def test_modalities_meet_in_the_bottlenecks_alone():
    torch.manual_seed(0)
    fusion = Bottleneck({"a": 2, "b": 2}, 8, tokens=3).eval()
    met: list[torch.Tensor] = []
    fusion.layers[1][0].register_forward_pre_hook(lambda _, given: met.append(given[0]))
    pooled = torch.arange(8.0).tolist()
    for told in ([4.0, 0.0], [0.0, 4.0]):
        fusion({"a": features([[1.0, 1.0]], pooled), "b": features([told], pooled)})
    first, second = met
    assert first.shape == (1, 3 + 2, 8)
    assert torch.equal(first[:, 3:], second[:, 3:])
    assert (first[:, :3] - second[:, :3]).abs().max() > 1e-4


def test_bottlenecks_that_let_nothing_cross_are_refused():
    with pytest.raises(UsageError, match="4 tokens and 1 layers let nothing cross; give at least 1 and 2"):
        Bottleneck({"a": 2, "b": 2}, 8, layers=1)
    with pytest.raises(UsageError, match="0 tokens and 2 layers"):
        Bottleneck({"a": 2, "b": 2}, 8, tokens=0)


@pytest.mark.parametrize("part", [CrossAttention, Bottleneck])
@pytest.mark.parametrize("heads", [0, 3])
def test_heads_must_divide_the_width(part, heads):
    with pytest.raises(UsageError, match=rf"{heads} heads do not divide the width 8; change heads or model\.dim"):
        part({"a": 2}, 8, heads=heads)
