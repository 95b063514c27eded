"""Guidance of an inferior modality by a superior one that is absent when the model is used: one run of many models.

Below the run folder: `superior/` and `inferior/`, each modality alone; `guidance/`, from the latent of the one to that
of the other; `guided/`, the inferior encoder and the superior decoder with guidance between them; `guided_own/`, a new
decoder for guidance and the inferior latent side by side (Mallya and Hamarneh 2022, arXiv 2203.05683); then each of
`guidance.methods`, a training of its own. Every stage but `guidance/` is a run folder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmdx.engine.assembly.checks import check_stages
from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.narrow import methods_of
from mmdx.engine.assembly.saved import SavedModel, copy_first, load_model, write_description, write_weights
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.experiments.guidance.guide import CHECK, between, decode_both, guide_of, guided_fusion, said_of, teach
from mmdx.engine.experiments.guidance.methods import objective_of, setting_of, write_first_weights
from mmdx.engine.experiments.guidance.stages import GUIDED, Frozen, Stages
from mmdx.engine.experiments.guidance.studies import check_models, guided_studies, stage_config
from mmdx.engine.experiments.single import Outcome, score_best
from mmdx.engine.experiments.two_stage import first_stage, train_split
from mmdx.engine.reporting.audit import audit_for
from mmdx.engine.runs.log import append_log, drop_log_after
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_labels, write_studies
from mmdx.engine.scoring.score import score_rows, write_predictions
from mmdx.engine.training.objective import objective
from mmdx.files import write_json
from mmdx.models.fusion.guided import Guide
from mmdx.stats.cohort.ablation_folder import GUIDED_OWN
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.comparison.recovery import Recovery, recovered
from mmdx.stats.evidence import Evidence
from mmdx.strangers.bounded import read_json

SIDES = ("superior", "inferior")


@dataclass(frozen=True)
class GuidanceResults:
    """What the stages show on the test studies that have both sides, and how many test studies have not."""

    comparison: Comparison
    recovery: Recovery
    left_out: int


def train_guidance(setting: Setting) -> GuidanceResults | None:
    """Trains every stage of a config and compares them; None on all processes but the main one.

    Stages that are finished are not trained again. Raises `DataError` or `UsageError` before any training where the
    studies or the heads leave nothing to guide.
    """
    options = setting.config.guidance
    if options is None:
        raise ValueError("a config without a section guidance has no stages")
    if setting.config.first is not None:
        setting = on_descriptors(setting)
    config, store, splits = setting.config, setting.store, setting.splits
    studies = guided_studies(config, options, store, splits)
    check_models(config, options, store, splits)
    rows = splits.rows("train")
    # What the texts and tables of the config lack shows here, before any stage is trained.
    facts_of(config, store, build_tokenizers(config, store, rows), rows)
    stages = Stages(setting, options, studies, methods_of(config))
    if setting.is_main:
        record_plan(setting.run, config, store, splits)
        record_store(setting.run, store, setting.accelerator)
        setting.say(*write_studies(setting.run.studies, store, "split", splits))
        write_labels(setting.run.labels, store, config.data.findings or store.findings)
    setting.say(studies.sentence())
    for side in SIDES:
        setting.say(*(f"{side}: {note}" for note in stage_config(config, stages.inputs(side)).notes))
    frozen = Frozen(stages, stage_model(stages, "superior"), stage_model(stages, "inferior"))
    guide = guidance_model(stages, frozen)
    for stage in (GUIDED, GUIDED_OWN):
        join_stage(stages, stage, frozen, guide)
    for method in stages.methods:
        stage_model(stages, method, frozen)
    return compare_stages(stages)


def on_descriptors(setting: Setting) -> Setting:
    """The setting of all stages, behind the first stage of frozen encoders that they share."""
    check_stages(setting.config, setting.store)
    if setting.is_main:
        record_plan(setting.run, setting.config, setting.store, setting.splits)
    store = first_stage(setting)
    return replace(setting, store=store, config=setting.config.model_copy(update={"first": None}))


def stage_model(stages: Stages, stage: str, frozen: Frozen | None = None) -> SavedModel:
    """The model of a stage that is a training of its own, trained unless it is finished; a method is taught by
    `frozen`."""
    run, setting = stages.run(stage), stages.setting
    if stages.finished(stage, run.card):
        saved = load_model(run.best)
        saved.model.to(setting.accelerator.device)
        return saved
    if stage == "warm_start" and frozen is not None and not run.config.is_file():
        write_first_weights(stages, frozen)
    taught = objective if frozen is None else objective_of(stages, stage, frozen)
    resume = run.config.is_file()
    return _announced(setting, train_split(setting_of(stages, stage), resume=resume, objective=taught))


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
    setting.say(*said_of(read_json(check)))
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
        write_json(run.audit, audit_for(config, setting.store, setting.splits))
        drop_log_after(run.log, 0)
        for line in decode_both(saved, latents, stages.studies, stages.options) if latents else []:
            append_log(run.log, line)
        copy_first(setting.store, run.best, saved.facts)
        write_description(run.best, config, saved.facts, saved.tokenizers)
        write_weights(run.best, saved.model)
    setting.accelerator.wait_for_everyone()
    _announced(setting, score_best(inside))


def compare_stages(stages: Stages) -> GuidanceResults | None:
    """Compares all models on the test studies that have both sides, the superior one shown to its own model alone."""
    setting, rows, paths = stages.setting, stages.studies.both["test"], []
    for stage in stages.names:
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
        comparison = compare(paths, count=setting.count)
        recovery = recovered(paths, comparison)
        Evidence(comparison).save(setting.run.folder, overwrite=True)
        write_json(setting.run.recovery, recovery.to_json())
        results = GuidanceResults(comparison, recovery, len(setting.splits.rows("test")) - len(rows))
    setting.accelerator.wait_for_everyone()
    return results


def _announced(setting: Setting, outcome: Outcome) -> SavedModel:
    """The model of an outcome, whose headline is said."""
    if outcome.results is not None:
        setting.say(outcome.results.headline())
    return outcome.saved
