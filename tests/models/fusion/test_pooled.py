"""Every fusion with one and three modalities, each of them absent; then each on values that a person can write down."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from mmdx.batch import Features
from mmdx.engine.assembly.model import build_model  # noqa: F401  (registers every fusion)
from mmdx.errors import UsageError
from mmdx.models.absent import StandIns
from mmdx.models.fusion.pooled import Film, Fusion, Late, LowRank
from mmdx.registry import FUSIONS
from mmdx.schema import Component

DIM, STUDIES = 8, 4
WIDTHS = {"ct": 5, "derm": 3, "report": 6}
ONE, THREE = {"ct": 5}, WIDTHS
EVERY = pytest.mark.parametrize("name", FUSIONS.names())


def made(name: str, modalities: Mapping[str, int]) -> Fusion:
    torch.manual_seed(0)
    return FUSIONS.build(Component(type=name), modalities=modalities, dim=DIM).eval()


def encoded(modalities: Mapping[str, int], seed: int = 1) -> dict[str, Features]:
    """Studies of 1, 2, 3 and 4 items of each modality."""
    torch.manual_seed(seed)
    mask = torch.arange(STUDIES) < torch.arange(1, STUDIES + 1)[:, None]
    return {
        name: Features(torch.randn(STUDIES, STUDIES, width) * mask.unsqueeze(-1), mask, torch.randn(STUDIES, DIM))
        for name, width in modalities.items()
    }


def shown(features: Mapping[str, Features], *, absent: str | None = None, only: int | None = None) -> dict:
    """`features` as the model hands them on: stand-ins for `absent`, in all studies or in study `only`."""
    torch.manual_seed(2)
    present = torch.ones(STUDIES, len(features), dtype=torch.bool)
    if absent is not None:
        present[slice(None) if only is None else only, list(features).index(absent)] = False
    return StandIns(list(features), DIM)(features, present)


def poisoned(seen: Features) -> Features:
    return Features(torch.full_like(seen.items, torch.nan), seen.mask, torch.full_like(seen.pooled, torch.nan))


@EVERY
@pytest.mark.parametrize("modalities", [ONE, {"ct": 5, "report": 6}, THREE], ids=len)
def test_any_number_of_modalities_and_what_each_says_counts(name, modalities):
    fusion, features = made(name, modalities), encoded(modalities)
    fused = fusion(shown(features))
    assert fused.shape == (STUDIES, DIM)
    assert fused.isfinite().all()
    for changed in modalities:
        other = fusion(shown({**features, changed: encoded(modalities, seed=3)[changed]}))
        assert ((fused - other).abs().amax(dim=1) > 1e-6).all(), changed


@EVERY
@pytest.mark.parametrize(("modalities", "absent"), [(ONE, "ct"), *((THREE, name) for name in THREE)])
def test_an_absent_modality_leaves_no_trace(name, modalities, absent):
    fusion, features = made(name, modalities), encoded(modalities)
    fused = fusion(shown(features, absent=absent))
    assert fused.isfinite().all()
    poison = {**features, absent: poisoned(features[absent])}
    torch.testing.assert_close(fusion(shown(poison, absent=absent)), fused, atol=0, rtol=0)


@EVERY
@pytest.mark.parametrize("absent", THREE)
def test_gradients_stay_finite_beside_an_absent_modality_that_is_nan(name, absent):
    fusion, features = made(name, THREE).train(), encoded(THREE)
    features[absent] = poisoned(features[absent])
    fusion(shown(features, absent=absent)).square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())


@EVERY
@pytest.mark.parametrize("absent", THREE)
def test_a_study_without_a_modality_does_not_depend_on_the_others(name, absent):
    fusion, features = made(name, THREE), encoded(THREE)
    whole = fusion(shown(features))
    mixed = fusion(shown(features, absent=absent, only=1))
    torch.testing.assert_close(mixed[[0, 2, 3]], whole[[0, 2, 3]], atol=1e-6, rtol=1e-6)
    assert (mixed[1] - whole[1]).abs().max() > 1e-6
    seen = shown(features, absent=absent, only=1)
    # Study 1 has two items of each modality: by itself it is padded to two, not to four.
    alone = {n: Features(f.items[1:2, :2], f.mask[1:2, :2], f.pooled[1:2]) for n, f in seen.items()}
    torch.testing.assert_close(fusion(alone), mixed[1:2], atol=1e-6, rtol=1e-6)


@EVERY
@pytest.mark.parametrize("modalities", [ONE, THREE], ids=len)
def test_a_study_that_is_shown_nothing_is_finite(name, modalities):
    features = encoded(modalities)
    nothing = StandIns(list(modalities), DIM)(features, torch.zeros(STUDIES, len(modalities), dtype=torch.bool))
    assert made(name, modalities)(nothing).isfinite().all()


def pair(a: list[float], b: list[float], present: tuple[bool, bool] = (True, True)) -> dict[str, Features]:
    """One study of two modalities with these pooled vectors and one item of each that is present."""
    return {
        name: Features(torch.zeros(1, 1, 1), torch.tensor([[here]]), torch.tensor([values]))
        for name, values, here in zip("ab", (a, b), present, strict=True)
    }


def set_to(parameter: Tensor | None, values: object) -> None:
    assert parameter is not None
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(values))


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ((True, True), [0.75 * 1 + 0.25 * 10, 0.75 * 2 + 0.25 * 20]),
        ((True, False), [1.0, 2.0]),
        ((False, True), [10.0, 20.0]),
        ((False, False), [0.0, 0.0]),
    ],
)
def test_late_is_the_weighted_mean_of_what_is_shown(present, expected):
    fusion = Late({"a": 1, "b": 1}, 2).eval()
    # exp(log 3) : exp(0) is 3 : 1.
    set_to(fusion.scores, [3.0, 1.0])
    set_to(fusion.scores, fusion.scores.log())
    for answer, factor in zip(fusion.answers, (1.0, 10.0), strict=True):
        set_to(answer.weight, factor * torch.eye(2))
        set_to(answer.bias, [0.0, 0.0])
    fused = fusion(pair([1.0, 2.0], [1.0, 2.0], present))
    assert fused.flatten().tolist() == pytest.approx(expected)


def test_late_behind_a_linear_head_averages_the_logits_of_each_modality():
    torch.manual_seed(0)
    fusion, head = Late({"a": 1, "b": 1}, 2).eval(), torch.nn.Linear(2, 3)
    both, alone = ([0.3, -1.0], [2.0, 0.5]), [(True, False), (False, True)]
    logits = [head(fusion(pair(*both, present))) for present in alone]
    torch.testing.assert_close(head(fusion(pair(*both))), sum(logits) / 2)


def test_late_has_no_weight_to_learn_for_one_modality():
    assert [name for name, _ in Late({"a": 1}, 2).named_parameters()] == ["answers.0.weight", "answers.0.bias"]


def test_film_scales_and_shifts_by_the_last_modality():
    fusion = Film({"a": 1, "b": 1}, 2).eval()
    fusion.join = torch.nn.Identity()
    assert fusion.by == "b"
    # b says: scale (1 + b0, 1 + b1), shift (0, b0).
    set_to(fusion.modulate.weight, [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    set_to(fusion.modulate.bias, torch.zeros(4))
    assert fusion(pair([3.0, 5.0], [2.0, -1.0])).flatten().tolist() == [9.0, 2.0]


def test_film_with_zero_weights_is_the_identity_whatever_modulates():
    fusion = Film({"a": 1, "b": 1}, 2, by="a").eval()
    fusion.join = torch.nn.Identity()
    set_to(fusion.modulate.weight, torch.zeros(4, 2))
    set_to(fusion.modulate.bias, torch.zeros(4))
    assert fusion(pair([100.0, -100.0], [2.0, -1.0])).flatten().tolist() == [2.0, -1.0]


def test_film_by_a_modality_that_there_is_not():
    with pytest.raises(UsageError, match=r"fusion film: by names 'reprot'; did you mean 'report'\?"):
        Film({"ct": 1, "report": 1}, 2, by="reprot")


def test_low_rank_sums_products_of_the_modalities():
    fusion = LowRank({"a": 1, "b": 1}, 1, rank=2).eval()
    # Rank 1: (a + 1)(2b + 1), rank 2: 3a(b + 1); the ranks count 1 and 10, then 0.5 is added.
    for factor, weight, bias in zip(fusion.factors, ([1.0, 3.0], [2.0, 1.0]), ([1.0, 0.0], [1.0, 1.0]), strict=True):
        set_to(factor.weight, torch.tensor(weight).unsqueeze(1))
        set_to(factor.bias, bias)
    set_to(fusion.ranks, [[1.0], [10.0]])
    set_to(fusion.bias, [0.5])
    assert fusion(pair([2.0], [5.0])).item() == pytest.approx(3 * 11 + 10 * 6 * 6 + 0.5)


def test_low_rank_wants_a_rank():
    with pytest.raises(UsageError, match="fusion low_rank: rank is 0; give 1 or more"):
        LowRank({"a": 1}, 2, rank=0)
