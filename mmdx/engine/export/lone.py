"""One study as a function of tensors: what torch exports."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdx.batch import Packed
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.export.feeds import PRESENT, Feed, batch_of, blanks_of
from mmdx.models.stack.stack import LINEAR, member

LOGITS = ".logits"
"""What follows the name of a head in that of its logits; its probabilities have the name alone."""


class LoneStudy(nn.Module):
    """A model of one study, `b` being 1: the tensors that `feeds` name become those that `outputs` name.

    Inputs that are not fed are absent, and static blanks. The rows of a head that answers for the images of an absent
    input mean nothing.
    """

    def __init__(self, saved: SavedModel, feeds: Sequence[Feed]) -> None:
        super().__init__()
        self.model = saved.model
        self._facts, self._feeds = saved.facts, tuple(feeds)
        self._fed = [feed.input for feed in feeds if feed.name == feed.input]
        self._blanks = blanks_of(saved)

    @property
    def outputs(self) -> list[str]:
        return [name for head in self.model.answering for name in (head, f"{head}{LOGITS}")]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        fed = {feed.name: tensor for feed, tensor in zip(self._feeds, tensors, strict=True)}
        inputs = {name: self._packed(name, fed) for name in self.model.branches}
        batch, model = batch_of(self._facts, inputs), self.model
        shown = self._shown(fed)
        encoded = {name: branch(inputs[name]) for name, branch in model.branches.items()}
        features = model.stand_ins(encoded, shown)
        fused = model.fusion(features)
        logits = {name: head(features, fused, batch) for name, head in model.answering.items()}
        if (stack := model.stack) is not None:
            answers = model.members(stack, encoded, shown, batch, logits[stack.head])
            for column, name in enumerate(model.branches):
                if (linear := member(LINEAR, name)) in answers:  # a blank has an answer, and an absent input none
                    answers[linear] = torch.where(shown[:, column, None], answers[linear], 0.0)
            logits[stack.head] = stack(answers, shown)
        both = [(model.answering[name].probabilities(values), values.float()) for name, values in logits.items()]
        return tuple(tensor for pair in both for tensor in pair)

    def _packed(self, name: str, fed: dict[str, Tensor]) -> Packed:
        values = fed.get(name, self._blanks[name])
        places = next((fed[feed.name] for feed in self._feeds if feed.input == name != feed.name), None)
        return Packed(values, torch.full((1,), values.shape[0], dtype=torch.int64), places)

    def _shown(self, fed: dict[str, Tensor]) -> Tensor:
        """Which inputs of the model the study has, `[1 m]`."""
        columns = [torch.tensor(name in self._fed) for name in self.model.branches]
        if PRESENT in fed:
            told = dict(zip(self._fed, fed[PRESENT].unbind(), strict=True))
            columns = [told.get(name, column) for name, column in zip(self.model.branches, columns, strict=True)]
        return torch.stack(columns)[None]
