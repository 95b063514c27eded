"""One training of one stage, from its plan to what the test split shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mmdx.data.loading.coverage import coverage, coverage_lines
from mmdx.data.loading.reports import Reports
from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.checks import Presence
from mmdx.engine.assembly.finals import Refit, final_of, settled, unrefitted
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.experiments.opening import opening_lines
from mmdx.engine.experiments.refit import begun_otherwise, cross_fit, settle
from mmdx.engine.reporting.audit import audit_for
from mmdx.engine.reporting.conclude import Results, conclude
from mmdx.engine.runs.folder import is_concluded, is_model_folder
from mmdx.engine.runs.record import record_plan, record_store, splits_of
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_labels, write_studies
from mmdx.engine.scoring.baselines.files import write_baselines
from mmdx.engine.scoring.domain import held_out_distances, know_domain, vectors_of
from mmdx.engine.scoring.score import default_showings, score_split
from mmdx.engine.scoring.stacking.fit import held_out_answers, stack_up, stackable
from mmdx.engine.scoring.texts import write_reports
from mmdx.engine.training.loop import fit, one_training, set_up
from mmdx.engine.training.objective import Objective, objective
from mmdx.engine.training.plan import Plan, plan
from mmdx.engine.training.threads import choose_threads
from mmdx.engine.training.trackers import log_results, tracked
from mmdx.files import ModelLayout, write_json
from mmdx.study import Split

SCORED: tuple[Split, ...] = ("val", "test")
"""The splits that a training scores at its end, where they have studies that it has not learned from."""


@dataclass(frozen=True)
class Outcome:
    """What a training leaves: its best model, on the device, and what the test split shows of it.

    `results` are None on all processes but the main one.
    """

    saved: SavedModel
    results: Results | None


def train_one(setting: Setting, present: Presence, *, resume: bool, objective: Objective = objective) -> Outcome:
    """Trains a setting that `check_training` has let pass, scores val and test, and concludes.

    `present` says what the studies have; it was asked before, and need not read their reports again.
    The run folder is made, or gone on with where `resume` says so. The accelerator is left as it was before, so that a
    command can train again with it.
    """
    older = resume and begun_otherwise(setting.run)  # a config that names no rule had no `auto` before
    config = unrefitted(setting.config) if older else settled(setting.config, setting.splits)
    inside = replace(setting, config=config)
    final = final_of(inside.config)
    splits = setting.splits.joined() if final.folds else setting.splits
    if setting.is_main:
        _record(setting, splits)
    held_out = cross_fit(inside, final, resume=resume) if isinstance(final, Refit) else None
    inside = replace(inside, splits=splits)
    with tracked(setting):
        with one_training(setting.accelerator):
            epochs = None if held_out is None else held_out.length.epochs
            training = set_up(inside, resume=resume, objective=objective, epochs=epochs)
            threads = choose_threads(training)
            setting.say(*opening_lines(inside, training.saved, present, threads))
            with threads.applied():
                fit(training)
        with threads.applied():
            if held_out is not None:
                settle(setting, training.saved, held_out)
            elif splits.rows("val"):
                stack_by_validation(inside)
            outcome = score_best(replace(setting, splits=splits))
        if outcome.results is not None:
            log_results(setting, outcome.results.comparison, training.progress.step)
        return outcome


def stack_by_validation(setting: Setting) -> None:
    """Fits the stack of the model that stays by validation studies, which it has not learned from, and says how far
    images may lie from those of training; what is there stays, and so does a run that was concluded without."""
    run, splits = setting.run, setting.splits
    layout, train, rows = ModelLayout(run.best), splits.rows("train"), splits.rows("val")
    if setting.is_main and not is_concluded(run):
        saved = load_model(run.best)
        saved.model.to(setting.accelerator.device)
        if not layout.domain.is_file():
            learned, unseen = (vectors_of(saved, setting.store, part, setting.count) for part in (train, rows))
            know_domain(learned, [held_out_distances(learned, unseen)], run.best)
        if stackable(saved) and not layout.stack.is_file():
            stack_up(setting, saved, train, held_out_answers(setting, saved, splits, [*train, *rows]))
    setting.accelerator.wait_for_everyone()


def score_best(setting: Setting) -> Outcome:
    """Scores the model that stays on test, and on val where it has not learned from it, and concludes."""
    run = setting.run
    saved = load_model(run.best)
    saved.to(setting.accelerator.device)
    showings = default_showings(list(saved.config.model.inputs))
    scored: list[Split] = [split for split in SCORED if setting.splits.rows(split)]
    for split in scored:
        score_split(setting, saved, split, showings, run.predictions)
    reports = write_reports(setting, saved, "test", run.predictions)
    results = None
    if setting.is_main:
        if not run.studies.is_file():
            dealt = splits_of(run, setting.store)
            setting.say(*write_studies(run.studies, setting.store, "split", dealt))
        if not run.labels.is_file():
            write_labels(run.labels, setting.store, saved.facts.findings)
        setting.say(*write_baselines(setting, saved, scored, run.predictions))
        results = conclude(setting, saved, reports)
    setting.accelerator.wait_for_everyone()
    return Outcome(saved, results)


def _record_texts(setting: Setting, splits: Splits, new: Plan) -> None:
    """Writes how much of its texts the model reads, and warns where it is little."""
    tokenizers = {name: tokenizer for name, tokenizer in new.tokenizers.items() if name in new.facts.inputs}
    if tokenizers:
        covered = coverage(Reports(setting.store, setting.config.data.reports), splits, tokenizers)
        write_json(setting.run.texts, covered)
        setting.say(*coverage_lines(covered))


def _record(setting: Setting, splits: Splits) -> None:
    """Writes the first files of a run; one that goes on keeps those that it has.

    The model is planned for the training studies of `splits`, which may be more than those of the setting.
    """
    run, store = setting.run, setting.store
    # The plan is made before anything is written: a model that cannot be built leaves no folder behind.
    new = None if is_model_folder(run.best) else plan(replace(setting, splits=splits))
    record_plan(run, setting.config, store, setting.splits)
    record_store(run, store, setting.accelerator)
    if new is not None:
        _record_texts(setting, splits, new)
        new.write(setting)
    audit = audit_for(setting.config, store, setting.splits, setting.count)
    write_json(run.audit, audit)
    setting.say(f"audit: {audit['verdict']}")
