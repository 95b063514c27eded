"""Which model of a training stays: after how many epochs, with which weights, of which studies (`train.final`).

`docs/recipe.md` has the figures behind the defaults.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.encoders import kind_of
from mmdx.errors import UsageError
from mmdx.registry import FINALS
from mmdx.schema import Component, Config

SMALL = 2000
"""Patients to train and validate on up to which `auto` refits: of more, those that validate are spared easily."""
FEW = 30
"""Validation patients below which they alone weigh the answers of a stack badly (`docs/planning.md`, figures)."""
Judge = Literal["auto", "auroc", "log_loss"]


class Keeper:
    """The weights that one training would keep if it ended now: the newest, where no other rule is derived from it."""

    judged = False
    """Whether the best epoch by validation is kept, rather than the newest."""

    def step(self, model: nn.Module, done: float) -> None:
        """Looks at the weights after an optimizer step; `done` is the share of all steps that are over."""

    def weights(self, model: nn.Module) -> Mapping[str, Tensor] | None:
        """The state that is kept in the place of the model's own; None where that is kept itself."""
        return None

    def state(self) -> dict[str, Tensor]:
        """What it takes to go on after a stop, by name."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Goes on from what `state` gave."""


class BestEpoch(Keeper):
    """The weights of the epoch that validation likes best."""

    judged = True


class Mean(Keeper):
    """The mean of the weights after each step of the last share `tail` of all steps (Polyak and Juditsky 1992).

    Statistics of batch norms are averaged too. Before that share begins, the weights are kept as they are.
    """

    def __init__(self, tail: float) -> None:
        self._start, self._count = 1 - tail, 0
        self._mean: dict[str, Tensor] = {}

    def step(self, model: nn.Module, done: float) -> None:
        if done <= self._start:
            return
        self._count += 1
        with torch.no_grad():
            for name, value in _moving(model).items():
                if name in self._mean:
                    self._mean[name] += (value - self._mean[name]) / self._count
                else:
                    self._mean[name] = value.clone()

    def weights(self, model: nn.Module) -> Mapping[str, Tensor] | None:
        return {**model.state_dict(), **self._mean} if self._count else None

    def state(self) -> dict[str, Tensor]:
        return {**self._mean, "": torch.tensor(self._count)} if self._count else {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self._count = int(state[""]) if state else 0
        self._mean = {name: value for name, value in state.items() if name}


def _moving(model: nn.Module) -> dict[str, Float[Tensor, "..."]]:
    """What training moves: parameters that learn, and the statistics of the norms among them."""
    learning = {name.rpartition(".")[0] for name, value in model.named_parameters() if value.requires_grad}
    state: dict[str, Tensor] = {name: value for name, value in model.named_parameters() if value.requires_grad}
    for name, value in model.named_buffers():
        if value.is_floating_point() and name.rpartition(".")[0] in learning and name in model.state_dict():
            state[name] = value
    return state


class Final(ABC):
    """A rule for the model that stays.

    `folds` is how many models score the studies of training and validation out of fold, before the one that stays
    learns from all of them: 1 holds out the validation studies alone, 0 leaves them unlearned for good.
    """

    folds: int = 0
    by: Judge = "auto"
    """What judges an epoch."""

    @abstractmethod
    def keeper(self) -> Keeper:
        """What keeps the weights of one training."""


@FINALS("best")
class Best(Final):
    """The weights of the best epoch by validation.

    `by` is what judges it: the macro `auroc`, or the `log_loss` at the temperature that suits the epoch best; `auto`
    takes the log loss where less than 50 validation studies or less than 10 positive ones carry each finding's AUROC.
    """

    def __init__(self, *, by: Judge = "auto") -> None:
        self.by = by

    def keeper(self) -> Keeper:
        return BestEpoch()


@FINALS("last")
class Last(Final):
    """The weights of the last epoch: nothing is chosen by validation."""

    def keeper(self) -> Keeper:
        return Keeper()


@FINALS("average")
class Average(Final):
    """The mean of the weights over the last share `tail` of all steps; nothing is chosen by validation."""

    def __init__(self, *, tail: Annotated[float, Field(gt=0, le=1)] = 0.25) -> None:
        self.tail = tail

    def keeper(self) -> Keeper:
        return Mean(self.tail)


@FINALS("refit")
class Refit(Final):
    """A model that learns from training and validation studies alike, once others have shown for how many epochs.

    Each of `folds` models leaves out a part of the patients of training and validation (1: those of validation) and
    scores it. By these out-of-fold scores the number of epochs is chosen, logits are calibrated and thresholds set;
    then the model that stays is trained on all of them. `weights` are those that each training keeps (`last` or
    `average`). It costs `folds` more trainings.
    """

    def __init__(
        self,
        *,
        folds: Annotated[int, Field(ge=1)] = 5,
        weights: Annotated[Component, FINALS] = Component(type="last"),  # noqa: B008  (frozen)
    ) -> None:
        if weights.type not in ("last", "average"):
            raise UsageError(f"train.final.weights: '{weights.type}' is not for refit; take last or average")
        self.folds, self.weights = folds, weights
        self._weights: Final = FINALS.build(weights, "train.final.weights")

    def keeper(self) -> Keeper:
        return self._weights.keeper()


@FINALS("auto")
class Auto(Final):
    """What suits the cohort: `refit` for at most 2,000 patients to train and validate on, `best` for more.

    Where an encoder of images or a transformer of texts learns, which takes long, `refit` holds out the validation
    studies alone, unless these are of fewer than 30 patients and several inputs are to be weighed by them: then it
    trains three models out of fold. Trainings whose validation studies must stay unlearned (a first stage, guidance)
    keep the best epoch.
    """

    def keeper(self) -> Keeper:
        raise TypeError("auto is settled before a training begins (settled)")


def final_of(config: Config) -> Final:
    """The rule of a config whose `train.final` is settled."""
    final: Any = FINALS.build(config.train.final, "train.final")
    return final


def final_problems(config: Config) -> list[str]:
    """Where a training would learn from validation studies that something else is chosen by, one line each."""
    first = config.first.train.final.type if config.first is not None else ""
    problems = []
    if first == "refit":
        problems.append(
            "first.train.final: refit learns from validation studies, which the second stage is judged by; take best, "
            "last or average"
        )
    if config.guidance is not None and config.train.final.type == "refit":
        problems.append(
            "train.final: refit learns from validation studies, which guidance is chosen by; take best, last or average"
        )
    return problems


def settled(config: Config, splits: Splits) -> Config:
    """`config` with what `auto` becomes for these studies; any other rule stays. Raises `UsageError` where patience
    goes with a rule that does not choose an epoch."""
    final = config.train.final
    if final.type == "auto":
        patients = splits.patients("train") | splits.patients("val")
        if len(patients) > SMALL or config.train.patience:
            final = Component(type="best")
        else:
            final = Component.model_validate({"type": "refit", "folds": _folds(config, splits)})
    elif config.train.patience and final.type != "best":
        raise UsageError(
            f"train.patience={config.train.patience}: '{final.type}' keeps no best epoch; drop it, or train.final=best"
        )
    return with_final(config, FINALS.resolve(final, "train.final"))


def unrefitted(config: Config) -> Config:
    """`config` for a training whose validation studies must stay unlearned: `auto` keeps the best epoch, and `refit`
    the weights that its trainings keep."""
    final = config.train.final
    if final.type == "auto":
        return with_final(config, Component(type="best"))
    return with_final(config, FINALS.options(final)["weights"]) if final.type == "refit" else config


def part_of_more(config: Config) -> Config:
    """`config` for a training from which others go on: unrefitted, and its network alone answers."""
    return unrefitted(config.model_copy(update={"train": config.train.model_copy(update={"stack": False})}))


def with_final(config: Config, final: Component) -> Config:
    return config.model_copy(update={"train": config.train.model_copy(update={"final": final})})


def _folds(config: Config, splits: Splits) -> int:
    """How many models score what the one that stays learns from."""
    if not _encoders_learn(config):
        return 5
    weighed = config.train.stack and len(config.model.inputs) > 1
    return 3 if weighed and len(splits.patients("val")) < FEW else 1


def _encoders_learn(config: Config) -> bool:
    """Whether an encoder of images, or a transformer of texts, is trained: then a training takes long."""
    return any(
        (kind_of(section).pictured or section.encoder.type == "transformer")
        and not section.encoder.options.get("frozen")
        for section in config.model.inputs.values()
    )
