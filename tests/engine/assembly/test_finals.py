"""Which model of a training stays: the rules, and what suits which cohort."""

from __future__ import annotations

import pytest
import torch
from parts import config_of

from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly import finals
from mmdx.engine.assembly.finals import Mean, Refit, final_of, settled, unrefitted, with_final
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import UsageError
from mmdx.schema import Component, Config
from mmdx.sections import TrainConfig

FEW = Splits(("train", "train", "val", "test"), ("a", "b", "c", "d"))
SOME = Splits(("train",) * 200 + ("val",) * 30, tuple(map(str, range(230))))


def config(final: object = "auto", **train: object) -> Config:
    section = TrainConfig.model_validate({"final": final, **train})
    return config_of().model_copy(update={"train": section})


def test_the_mean_is_over_the_last_share_of_steps():
    model = torch.nn.Linear(1, 1, bias=False)
    keeper = Mean(tail=0.5)
    for step, value in enumerate([1.0, 9.0, 2.0, 4.0], start=1):
        torch.nn.init.constant_(model.weight, value)
        keeper.step(model, step / 4)
        if step == 2:
            assert keeper.weights(model) is None, "the first half counts for nothing"
    kept = keeper.weights(model)
    assert kept is not None
    assert kept["weight"].item() == 3.0
    assert model.weight.item() == 4.0


def test_the_mean_goes_on_from_its_state_to_the_bit():
    torch.manual_seed(0)
    model, whole, begun = torch.nn.BatchNorm1d(3), Mean(tail=1.0), Mean(tail=1.0)
    resumed = Mean(tail=1.0)
    for step in range(1, 6):
        torch.nn.init.normal_(model.weight)
        torch.nn.init.normal_(model.running_mean)
        whole.step(model, step / 5)
        (begun if step < 3 else resumed).step(model, step / 5)
        if step == 2:
            resumed.restore(begun.state())
    for name, value in (whole.weights(model) or {}).items():
        assert torch.equal(value, (resumed.weights(model) or {})[name])


def test_the_mean_moves_norms_that_learn_and_nothing_that_is_frozen():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2))
    model[1].requires_grad_(False)
    keeper = Mean(tail=1.0)
    for mean in (1.0, 3.0):
        for norm in model:
            norm.running_mean.fill_(mean)
        keeper.step(model, 1.0)
    kept = keeper.weights(model) or {}
    assert kept["0.running_mean"].tolist() == [2.0, 2.0]
    assert kept["1.running_mean"].tolist() == [3.0, 3.0], "as the model has it"


def test_a_small_cohort_is_refitted_and_a_large_one_keeps_its_best_epoch(monkeypatch):
    final = settled(config(), SOME).train.final
    assert (final.type, final.options) == ("refit", {"folds": 1, "weights": {"type": "last"}})
    # Three validate together where one split's validation patients are too few to weigh several inputs by.
    assert settled(config(), FEW).train.final.options["folds"] == 3
    assert settled(config(stack=False), FEW).train.final.options["folds"] == 1
    image = config().model.inputs["image"]
    still = image.model_copy(update={"encoder": image.encoder.model_copy(update={"frozen": True})})
    model = config().model.model_copy(update={"inputs": {"image": still}})
    frozen = config().model_copy(update={"model": model})
    assert settled(frozen, FEW).train.final.options["folds"] == 5, "no image encoder learns"
    monkeypatch.setattr(finals, "SMALL", 2)
    assert settled(config(), FEW).train.final.type == "best"


def test_patience_waits_for_a_best_epoch():
    assert settled(config(patience=3), FEW).train.final.type == "best"
    with pytest.raises(UsageError, match=r"train.patience=3: 'last' keeps no best epoch; drop it, or train.final=best"):
        settled(config("last", patience=3), FEW)


def test_where_validation_must_stay_unlearned_nothing_is_refitted():
    assert unrefitted(config()).train.final.type == "best"
    average = {"type": "average", "tail": 0.5}
    assert unrefitted(resolve(config({"type": "refit", "weights": average}))).train.final == Component(**average)
    assert unrefitted(config("last")).train.final.type == "last"


def test_refit_takes_no_weights_that_validation_chooses():
    with pytest.raises(UsageError, match=r"train.final.weights: 'best' is not for refit; take last or average"):
        final_of(config({"type": "refit", "weights": "best"}))
    final = final_of(with_final(config(), Component(type="refit")))
    assert isinstance(final, Refit)
    assert final.folds == 5


def test_a_typing_error_is_told_with_all_others():
    with pytest.raises(UsageError, match=r"train.final: no final model is called 'refits'; did you mean 'refit'"):
        resolve(config("refits"))
