"""Guidance of an inferior modality by a superior one that is absent when the model is used: one run of six models.

Below the run folder: `superior/` and `inferior/`, each modality alone; `guidance/`, from the latent of the one to that
of the other; `guided/`, the inferior encoder and the superior decoder with guidance between them; `guided_own/`, a new
decoder for guidance and the inferior latent side by side; as baselines `distilled/`, the inferior model that also
learns from the superior one's answers, and `dropped/`, one model of both, scored with the superior one withheld. Every
stage but `guidance/` is a run folder. After Mallya and Hamarneh 2022 (arXiv 2203.05683).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mmdx.engine.assembly.checks import check_stages
from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.saved import SavedModel, copy_first, load_model, write_description, write_weights
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.experiments.guidance.guide import CHECK, between, decode_both, guide_of, guided_fusion, said_of, teach
from mmdx.engine.experiments.guidance.latents import Latents, encode_rows
from mmdx.engine.experiments.guidance.studies import GuidedStudies, check_models, guided_studies, stage_config
from mmdx.engine.experiments.single import Outcome, score_best
from mmdx.engine.experiments.two_stage import first_stage, train_split
from mmdx.engine.reporting.audit import verdict_for
from mmdx.engine.runs.folder import is_concluded
from mmdx.engine.runs.log import append_log, drop_log_after
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.score import score_rows, write_predictions
from mmdx.engine.training.objective import Answers, Objective, distilled, objective
from mmdx.files import RunLayout, write_json
from mmdx.models.fusion.guided import Guide
from mmdx.schema import GuidanceConfig
from mmdx.stats.cohort.ablation_folder import GUIDED_OWN
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.comparison.recovery import Recovery, recovered
from mmdx.stats.evidence import Evidence
from mmdx.study import SPLITS

GUIDED = "guided"
STAGES = ("superior", "inferior", GUIDED, GUIDED_OWN, "distilled", "dropped")
RECOVERY = "recovery.json"
"""The shares of the gap that are recovered; the last file of a run with guidance."""


@dataclass(frozen=True)
class GuidanceResults:
    """What the stages show on the test studies that have both sides, and how many test studies have not."""

    comparison: Comparison
    recovery: Recovery
    left_out: int


@dataclass(frozen=True)
class Stages:
    """What the stages of one run share; `setting` is that of the whole run."""

    setting: Setting
    options: GuidanceConfig
    studies: GuidedStudies

    def run(self, stage: str) -> RunLayout:
        """The run folder of a stage."""
        return RunLayout(self.setting.run.folder / stage)

    def inputs(self, stage: str) -> tuple[str, ...]:
        """The inputs of the model that a stage makes."""
        if stage == "dropped":
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


def train_guidance(setting: Setting) -> GuidanceResults | None:
    """Trains every stage of a config and compares them; None on all processes but the main one.

    Stages that are finished are not trained again. Raises `DataError` or `UsageError` before any training where the
    studies or the heads leave nothing to guide.
    """
    if setting.config.guidance is None:
        raise ValueError("a config without a section guidance has no stages")
    if setting.config.first is not None:
        setting = on_descriptors(setting)
    config, store, splits = setting.config, setting.store, setting.splits
    studies = guided_studies(config, config.guidance, store, splits)
    check_models(config, config.guidance, store, splits)
    rows = splits.rows("train")
    # What the texts and tables of the config lack shows here, before any stage is trained.
    facts_of(config, store, build_tokenizers(config, store, rows), rows)
    stages = Stages(setting, config.guidance, studies)
    if setting.is_main:
        record_plan(setting.run, config, store, splits)
        record_store(setting.run, store, setting.accelerator)
        setting.say(*write_studies(setting.run.studies, store, "split", splits))
    setting.say(studies.sentence())
    for side in ("superior", "inferior"):
        setting.say(*(f"{side}: {note}" for note in stage_config(config, stages.inputs(side)).notes))
    frozen = Frozen(stages, stage_model(stages, "superior"), stage_model(stages, "inferior"))
    guide = guidance_model(stages, frozen)
    for stage in (GUIDED, GUIDED_OWN):
        join_stage(stages, stage, frozen, guide)
    teacher = objective
    if not is_concluded(stages.run("distilled")):
        options = config.guidance
        teacher = distilled(answers(stages, frozen), temperature=options.temperature, share=options.share)
    stage_model(stages, "distilled", teacher)
    stage_model(stages, "dropped")
    return compare_stages(stages)


def on_descriptors(setting: Setting) -> Setting:
    """The setting of all stages, behind the first stage of frozen encoders that they share."""
    check_stages(setting.config, setting.store)
    if setting.is_main:
        record_plan(setting.run, setting.config, setting.store, setting.splits)
    store = first_stage(setting)
    return replace(setting, store=store, config=setting.config.model_copy(update={"first": None}))


def stage_model(stages: Stages, stage: str, objective: Objective = objective) -> SavedModel:
    """The model of a stage that is a training of its own, trained unless it is finished."""
    run, setting = stages.run(stage), stages.setting
    if stages.finished(stage, run.card):
        saved = load_model(run.best)
        saved.model.to(setting.accelerator.device)
        return saved
    config = stage_config(setting.config, stages.inputs(stage), run.folder, dropout=stage == "dropped").config
    inside = replace(setting, config=config, run=run)
    return _announced(setting, train_split(inside, resume=run.config.is_file(), objective=objective))


def guidance_model(stages: Stages, frozen: Frozen) -> Guide:
    """The guidance model, taught on studies that have both sides unless it is there; the console says its check."""
    run, options, setting = stages.run("guidance"), stages.options, stages.setting
    check = run.folder / CHECK
    if not stages.finished("guidance", check):
        # Every process encodes, and only then the main one learns.
        inferior, superior = frozen.inferior_latents, frozen.superior_latents
        if setting.is_main:
            teach(run, inferior, superior, stages.studies, setting.store, options, setting.config.seed)
        setting.accelerator.wait_for_everyone()
    setting.say(*said_of(json.loads(check.read_text(encoding="utf-8"))))
    return guide_of(run.folder, setting.config.model.dim, options)


def join_stage(stages: Stages, stage: str, frozen: Frozen, guide: Guide) -> None:
    """The run folder of a model with guidance: `guided` as it is put together, `guided_own` once its decoder has
    learnt."""
    setting, run, beside = stages.setting, stages.run(stage), stage == GUIDED_OWN
    if stages.finished(stage, run.card):
        return
    latents = frozen.inferior_latents if beside else None
    heads = list((frozen.inferior if beside else frozen.superior).model.heads_of("study"))
    fusion = guided_fusion(frozen.inferior, stages.options, beside=beside)
    config = stage_config(setting.config, stages.inputs(stage), run.folder, fusion=fusion, heads=heads).config
    inside = replace(setting, config=config, run=run)
    if setting.is_main:
        saved = between(config, frozen.inferior, guide, None if beside else frozen.superior)
        record_plan(run, config, setting.store, setting.splits)
        record_store(run, setting.store, setting.accelerator)
        write_json(run.audit, verdict_for(setting.store, setting.splits))
        drop_log_after(run.log, 0)
        for line in decode_both(saved, latents, stages.studies, stages.options) if latents else []:
            append_log(run.log, line)
        copy_first(setting.store, run.best, saved.facts)
        write_description(run.best, config, saved.facts, saved.tokenizers)
        write_weights(run.best, saved.model)
    setting.accelerator.wait_for_everyone()
    _announced(setting, score_best(inside))


def answers(stages: Stages, frozen: Frozen) -> Answers:
    """The superior model's logits for the training studies that have both sides, by head and study."""
    latents, ids = frozen.superior_latents, stages.setting.store.study_ids
    place = {row: index for index, row in enumerate(latents.rows)}
    rows = stages.studies.both["train"]
    heads = set(frozen.inferior.model.heads_of("study"))
    return {
        head: {ids[row]: logits[place[row]] for row in rows} for head, logits in latents.logits.items() if head in heads
    }


def compare_stages(stages: Stages) -> GuidanceResults | None:
    """Compares all models on the test studies that have both sides, the superior one shown to its own model alone."""
    setting, rows, paths = stages.setting, stages.studies.both["test"], []
    for stage in STAGES:
        saved = load_model(stages.run(stage).best)
        saved.model.to(setting.accelerator.device)
        shown = stages.options.superior if stage == "superior" else stages.options.inferior
        names = [name for name in saved.config.model.inputs if name in shown]
        table, _ = score_rows(saved, setting.store, rows, names, setting.accelerator)
        paths.append(setting.run.predictions / f"{stage}.csv")
        if setting.is_main:
            write_predictions(paths[-1], [table])
    results = None
    if setting.is_main:
        comparison = compare(paths)
        recovery = recovered(paths, comparison)
        Evidence(comparison).save(setting.run.folder)
        write_json(setting.run.folder / RECOVERY, recovery.to_json())
        results = GuidanceResults(comparison, recovery, len(setting.splits.rows("test")) - len(rows))
    setting.accelerator.wait_for_everyone()
    return results


def _announced(setting: Setting, outcome: Outcome) -> SavedModel:
    """The model of an outcome, whose headline is said."""
    if outcome.results is not None:
        setting.say(outcome.results.headline())
    return outcome.saved
