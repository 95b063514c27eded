"""What describes the model of a new run, made by the main process before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.facts import ModelFacts, facts_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import copy_first, write_description
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.selection import fit_selections, write_selections


@dataclass(frozen=True)
class Plan:
    """What describes the model of a new run."""

    facts: ModelFacts
    tokenizers: dict[str, ReportTokenizer]
    selections: dict[str, Tensor]

    def write(self, setting: Setting) -> None:
        """Into the run folder, with the model that left the descriptors of the store, where one did."""
        write_selections(setting.run.selections, self.selections)
        copy_first(setting.store, setting.run.best, self.facts)
        write_description(setting.run.best, setting.config, self.facts, self.tokenizers)


def plan(setting: Setting) -> Plan:
    """The plan of a new run. Raises `UsageError` where its model cannot be built.

    The model that is built for it is dropped: `set_up` builds the one that is trained on every process, from the files
    of the plan and with the seed of the config, so that what stood before it draws none of its weights.
    """
    config, store, rows = setting.config, setting.store, setting.splits.rows("train")
    tokenizers = build_tokenizers(config, store, rows)
    facts = facts_of(config, store, tokenizers, rows)
    facts, selections = fit_selections(config, store, rows, facts, tokenizers)
    _, facts = build_model(config, facts)
    return Plan(facts, tokenizers, selections)
