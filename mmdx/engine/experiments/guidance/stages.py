"""The stages of one run with guidance: their folders, what each reads, and the models of both sides, once trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.experiments.guidance.latents import Latents, encode_rows
from mmdx.engine.experiments.guidance.studies import GuidedStudies
from mmdx.engine.runs.setting import Setting
from mmdx.files import RunLayout
from mmdx.schema import GuidanceConfig, GuidanceMethod
from mmdx.stats.cohort.ablation_folder import GUIDED_OWN
from mmdx.study import SPLITS

GUIDED = "guided"
BOTH_SIDES: tuple[GuidanceMethod, ...] = ("shared", "dropped", "withheld")
"""Methods whose network reads both sides, and is scored with the superior one withheld."""


@dataclass(frozen=True)
class Stages:
    """What the stages of one run share; `setting` is that of the whole run."""

    setting: Setting
    options: GuidanceConfig
    studies: GuidedStudies
    methods: tuple[GuidanceMethod, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every stage that leaves a model, in the order in which they are compared."""
        return ("superior", "inferior", GUIDED, GUIDED_OWN, *self.methods)

    def run(self, stage: str) -> RunLayout:
        """The run folder of a stage."""
        return RunLayout(self.setting.run.folder / stage)

    def inputs(self, stage: str) -> tuple[str, ...]:
        """The inputs of the model that a stage makes."""
        if stage in BOTH_SIDES:
            return tuple(self.setting.config.model.inputs)
        return self.options.superior if stage == "superior" else self.options.inferior

    def finished(self, stage: str, last: Path) -> bool:
        """Whether a stage has left the file that it writes last; the same answer on every process."""
        finished = last.is_file()
        self.setting.accelerator.wait_for_everyone()
        self.setting.say(f"{stage}: {'finished before' if finished else 'begins'}")
        return finished


class Frozen:
    """The models of both sides, and what they make of the studies that others learn from, each computed once."""

    def __init__(self, stages: Stages, superior: SavedModel, inferior: SavedModel) -> None:
        self._stages, self.superior, self.inferior = stages, superior, inferior

    @cached_property
    def superior_latents(self) -> Latents:
        """The superior latents of all studies that have both."""
        both = self._stages.studies.both
        return self._encode(self.superior, [row for split in SPLITS for row in both[split]])

    @cached_property
    def inferior_latents(self) -> Latents:
        """The inferior latents of all studies that have the inferior modality."""
        inferior = self._stages.studies.inferior
        return self._encode(self.inferior, [row for split in SPLITS for row in inferior[split]])

    def _encode(self, saved: SavedModel, rows: list[int]) -> Latents:
        return encode_rows(saved, self._stages.setting.store, rows, self._stages.setting.accelerator)
