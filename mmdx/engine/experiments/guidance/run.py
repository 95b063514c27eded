"""Guidance of an inferior modality by a superior one that is absent when the model is used: one run of six models.

Below the run folder: `superior/` and `inferior/`, each modality alone; `guidance/`, from the latent of the one to that
of the other; `guided/`, the inferior encoder and the superior decoder with guidance between them; `guided_own/`, a new
decoder for guidance and the inferior latent side by side; as baselines `distilled/`, the inferior model that also
learns from the superior one's answers, and `dropped/`, one model of both, scored with the superior one withheld. Every
stage but `guidance/` is a run folder. After Mallya and Hamarneh 2022 (arXiv 2203.05683).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from accelerate import Accelerator
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mmdx.config import Config, GuidanceConfig
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.build import build_tokenizers, facts_of
from mmdx.engine.assembly.saved import SavedModel, copy_first, load_model, write_description, write_weights
from mmdx.engine.assembly.store import deal
from mmdx.engine.experiments.guidance.guide import CHECK, between, decode_both, guide_of, guided_fusion, said_of, teach
from mmdx.engine.experiments.guidance.latents import Latents, encode_rows, study_heads
from mmdx.engine.experiments.guidance.studies import GuidedStudies, check_models, guided_studies, stage_config
from mmdx.engine.experiments.single import score_best, start, train_split
from mmdx.engine.reporting.audit import verdict_for
from mmdx.engine.runs.log import append_log, drop_log_after
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.score import score_rows, write_predictions
from mmdx.engine.training.distillation import Answers, distilled
from mmdx.engine.training.objective import Objective, objective
from mmdx.files import RunLayout, write_json
from mmdx.models.fusion.guided import Guide
from mmdx.stats.comparison.compare import compare
from mmdx.stats.comparison.recovery import Recovery, recovered
from mmdx.stats.evidence import Evidence
from mmdx.stats.report.terminal import summary_tables
from mmdx.stats.report.words import with_interval
from mmdx.study import SPLITS

STAGES = ("superior", "inferior", "guided", "guided_own", "distilled", "dropped")


@dataclass(frozen=True)
class Stages:
    """What the stages of one run share."""

    config: Config
    options: GuidanceConfig
    folder: Path
    store: Store
    splits: Splits
    studies: GuidedStudies
    accelerator: Accelerator
    console: Console

    def inputs(self, stage: str) -> tuple[str, ...]:
        """The inputs of the model that a stage makes."""
        if stage == "dropped":
            return tuple(self.config.model.inputs)
        return self.options.superior if stage == "superior" else self.options.inferior

    def finished(self, stage: str, last: str) -> bool:
        """Whether a stage has left the file that it writes last; the same answer on every process."""
        found = (self.folder / stage / last).is_file()
        self.accelerator.wait_for_everyone()
        self.console.print(f"{stage}: {'finished before' if found else 'begins'}", highlight=False)
        return found


class Frozen:
    """The models of both sides, and what they make of the studies that others learn from, each computed once."""

    def __init__(self, stages: Stages, superior: SavedModel, inferior: SavedModel) -> None:
        self._stages, self.superior, self.inferior = stages, superior, inferior

    @cached_property
    def wanted(self) -> Latents:
        """The superior latents of all studies that have both."""
        both = self._stages.studies.both
        rows = [row for split in SPLITS for row in both[split]]
        return encode_rows(self.superior, self._stages.store, rows, self._stages.accelerator)

    @cached_property
    def own(self) -> Latents:
        """The inferior latents of all studies that have the inferior modality."""
        alone = self._stages.studies.inferior
        rows = [row for split in SPLITS for row in alone[split]]
        return encode_rows(self.inferior, self._stages.store, rows, self._stages.accelerator)


def run_guidance(config: Config, name: str, console: Console, *, resume: bool) -> Path:
    """Trains every stage of `config` (resolved), compares them, and prints what they show; returns the run folder.

    Stages that are finished are not trained again. Raises `DataError` or `UsageError` before any training where the
    studies or the heads leave nothing to guide.
    """
    if config.guidance is None:
        raise ValueError("a config without a section guidance has no stages")
    accelerator, loud, store, folder = start(config, name, console, resume=resume)
    splits = deal(config, store)
    studies = guided_studies(config, config.guidance, store, splits)
    check_models(config, config.guidance, store, splits)
    train = splits.rows("train")
    facts_of(config, store, build_tokenizers(config, store, train), train)
    stages = Stages(config, config.guidance, folder, store, splits, studies, accelerator, loud)
    if accelerator.is_main_process:
        record_plan(RunLayout(folder), config, store, splits)
        record_store(RunLayout(folder), store, accelerator)
        for line in write_studies(RunLayout(folder).studies, store, "split", splits):
            loud.print(line, markup=False, highlight=False)
    loud.print(studies.told(), highlight=False)
    for side in ("superior", "inferior"):
        for note in stage_config(config, stages.inputs(side)).notes:
            loud.print(f"{side}: {note}", markup=False, highlight=False)
    frozen = Frozen(stages, trained(stages, "superior"), trained(stages, "inferior"))
    guide = taught(stages, frozen)
    for stage in ("guided", "guided_own"):
        joined(stages, stage, frozen, guide)
    teacher = objective
    if not (folder / "distilled" / "card.md").is_file():
        teacher = distilled(answers(stages, frozen), temperature=stages.options.temperature, share=stages.options.share)
    trained(stages, "distilled", teacher)
    trained(stages, "dropped")
    conclude_guidance(stages)
    accelerator.end_training()
    return folder


def trained(stages: Stages, stage: str, objective: Objective = objective) -> SavedModel:
    """The model of a stage that is a training of its own, trained unless it is finished."""
    run = RunLayout(stages.folder / stage)
    if stages.finished(stage, "card.md"):
        saved = load_model(run.best)
        saved.model.to(stages.accelerator.device)
        return saved
    config = stage_config(stages.config, stages.inputs(stage), run.folder, dropout=stage == "dropped").config
    resume = run.config.is_file()
    return train_split(
        config,
        run.folder,
        stages.store,
        stages.splits,
        stages.accelerator,
        stages.console,
        resume=resume,
        objective=objective,
    )


def taught(stages: Stages, frozen: Frozen) -> Guide:
    """The guidance model, taught on studies that have both sides unless it is there; its check is told."""
    run, options = RunLayout(stages.folder / "guidance"), stages.options
    if not stages.finished("guidance", CHECK):
        own, wanted = frozen.own, frozen.wanted
        if stages.accelerator.is_main_process:
            teach(run, own, wanted, stages.studies, stages.store, options, stages.config.seed)
        stages.accelerator.wait_for_everyone()
    for line in said_of(json.loads((run.folder / CHECK).read_text(encoding="utf-8"))):
        stages.console.print(line, highlight=False)
    return guide_of(run.folder, stages.config.model.dim, options)


def joined(stages: Stages, stage: str, frozen: Frozen, guide: Guide) -> None:
    """The run folder of a model with guidance: `guided` as it is put together, `guided_own` once its decoder has
    learnt."""
    run, own = RunLayout(stages.folder / stage), stage == "guided_own"
    if stages.finished(stage, "card.md"):
        return
    latents = frozen.own if own else None
    if stages.accelerator.is_main_process:
        heads = study_heads(frozen.inferior if own else frozen.superior)
        fusion = guided_fusion(frozen.inferior, stages.options, own=own)
        config = stage_config(stages.config, stages.inputs(stage), run.folder, fusion=fusion, heads=heads).config
        saved = between(config, frozen.inferior, guide, None if own else frozen.superior)
        record_plan(run, config, stages.store, stages.splits)
        record_store(run, stages.store, stages.accelerator)
        write_json(run.audit, verdict_for(stages.store, stages.splits))
        drop_log_after(run.log, 0)
        for line in decode_both(saved, latents, stages.studies, stages.options) if latents else []:
            append_log(run.log, line)
        copy_first(stages.store, run.best, saved.facts)
        write_description(run.best, config, saved.facts, saved.tokenizers)
        write_weights(run.best, saved.model)
    stages.accelerator.wait_for_everyone()
    score_best(run, stages.store, stages.splits, stages.accelerator, stages.console)


def answers(stages: Stages, frozen: Frozen) -> Answers:
    """The superior model's logits for the training studies that have both sides, by head and study."""
    wanted, ids = frozen.wanted, stages.store.study_ids
    place = {row: index for index, row in enumerate(wanted.rows)}
    rows = stages.studies.both["train"]
    heads = set(study_heads(frozen.inferior))
    return {
        head: {ids[row]: logits[place[row]] for row in rows} for head, logits in wanted.logits.items() if head in heads
    }


def conclude_guidance(stages: Stages) -> None:
    """Compares all models on the test studies that have both sides, the superior one shown to its own model alone."""
    rows, paths = stages.studies.both["test"], []
    for stage in STAGES:
        saved = load_model(RunLayout(stages.folder / stage).best)
        saved.model.to(stages.accelerator.device)
        shown = stages.options.superior if stage == "superior" else stages.options.inferior
        names = [name for name in saved.config.model.inputs if name in shown]
        table, _ = score_rows(saved, stages.store, rows, names, stages.accelerator)
        paths.append(RunLayout(stages.folder).predictions / f"{stage}.csv")
        if stages.accelerator.is_main_process:
            write_predictions(paths[-1], [table])
    if stages.accelerator.is_main_process:
        comparison = compare(paths)
        recovery = recovered(paths, comparison)
        Evidence(comparison).save(stages.folder)
        write_json(stages.folder / "recovery.json", recovery.to_json())
        stages.console.print(summary_tables(comparison))
        stages.console.print(share_table(recovery))
        left = len(stages.splits.rows("test")) - len(rows)
        if left:
            stages.console.print(f"left out: {left} test studies without both sides", highlight=False)
        stages.console.print(f"run folder:   {stages.folder}", markup=False, highlight=False)
    stages.accelerator.wait_for_everyone()


def share_table(recovery: Recovery) -> Group:
    """What each model recovers of the gap, and why where that cannot be said."""
    table = Table("model", "share of the gap recovered", box=SIMPLE_HEAD, title_justify="left")
    for name, share in recovery.shares.items():
        table.add_row(Text(name), Text(with_interval(share)))
    gap = Text(f"superior minus inferior, macro AUROC: {with_interval(recovery.gap)}")
    reasons = {share.refused for share in recovery.shares.values() if share.refused}
    return Group(gap, table, *(Text(f"no interval of a share: {reason}") for reason in sorted(reasons)))
