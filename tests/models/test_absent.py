"""Stand-ins and modality dropout on values that a person can write down."""

from __future__ import annotations

import pytest
import torch
from parts import config_of, mixed_batch, model_of

from mmdx.batch import Features
from mmdx.models.absent import StandIns, draw_shown


def features(value: float) -> Features:
    weights = torch.full((2, 3), 1 / 3)
    return Features(
        torch.full((2, 3, 4), value), torch.ones(2, 3, dtype=torch.bool), torch.full((2, 5), value), weights
    )


def test_a_stand_in_takes_the_place_of_what_is_absent_even_of_nan():
    stand_ins = StandIns(["ct", "report"], 5)
    present = torch.tensor([[True, True], [True, False]])
    seen = stand_ins({"ct": features(2.0), "report": features(torch.nan)}, present)
    assert torch.equal(seen["ct"].pooled, torch.full((2, 5), 2.0))
    assert torch.equal(seen["report"].pooled[1], stand_ins.vectors["report"])
    assert seen["report"].items[1].abs().sum() == 0
    assert not seen["report"].mask[1].any()
    assert seen["report"].weights is not None
    assert seen["report"].weights[1].tolist() == [0.0, 0.0, 0.0]


def test_modality_dropout_keeps_one_and_follows_its_rates():
    torch.manual_seed(0)
    present = torch.tensor([[True, True], [True, False], [False, True]]).repeat(4000, 1)
    shown = draw_shown(present, torch.tensor([0.6, 0.0]))
    assert shown.any(dim=1).all()
    assert not (shown & ~present).any()
    both, image, report = shown[0::3], shown[1::3], shown[2::3]
    assert 0.37 < both[:, 0].float().mean() < 0.43
    assert both[:, 1].all()
    assert image[:, 0].all()
    assert report[:, 1].all()


@pytest.mark.parametrize(
    ("rates", "withheld"),
    [
        ({"report": 0.4}, (0.0, 0.4)),
        ({"image": 0.2}, (0.2, 0.0)),
        (0.5, (0.25, 0.25)),
        # A study that would lose both keeps both: 0.2 * (1 - 0.4) and 0.4 * (1 - 0.2).
        ({"report": 0.4, "image": 0.2}, (0.12, 0.32)),
    ],
)
def test_the_rate_of_each_modality_is_that_of_the_config(rates, withheld):
    model = model_of(config_of(modality_dropout=rates))
    torch.manual_seed(0)
    both = torch.ones(20_000, 2, dtype=torch.bool)
    shares = 1 - model.train().withhold(both).float().mean(dim=0)
    assert shares.tolist() == pytest.approx(withheld, abs=0.015)
    assert model.eval().withhold(both).all()


def test_what_is_withheld_in_training_is_as_absent_as_what_is_not_there():
    model, batch = model_of(config_of(modality_dropout={"report": 0.999})).train(), mixed_batch()
    torch.manual_seed(0)
    output = model(batch)
    # Study 2 has nothing but its report, and keeps it.
    assert output.present.tolist() == [[True, False], [True, False], [False, True], [True, False], [True, False]]
    seen = output.features["report"]
    assert torch.equal(seen.pooled[0], model.stand_ins.vectors["report"])
    assert seen.mask.any(dim=1).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(("done", "withheld"), [(0.0, 0.2), (0.5, 0.6), (1.0, 1.0)])
def test_a_modality_is_withheld_more_and_more(done, withheld):
    """From its own rate to always, in even steps; the other keeps its rate, and a study that has one alone keeps it."""
    model = model_of(config_of(modality_dropout={"report": 0.2}, withhold=("report",))).train()
    model.done = done
    torch.manual_seed(0)
    columns = list(model.branches)
    present = torch.ones(4000, len(columns), dtype=torch.bool)
    shown = model.withhold(present).float().mean(dim=0)
    assert shown[columns.index("report")].item() == pytest.approx(1 - withheld, abs=0.03)
    assert shown[columns.index("image")].item() == 1
    alone = present.clone()
    alone[:, columns.index("image")] = False
    assert torch.equal(model.withhold(alone), alone)
