"""One training of one stage, from its plan to what the test split shows."""

from __future__ import annotations

from dataclasses import dataclass

from mmdx.engine.assembly.checks import Presence
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.experiments.opening import opening_lines
from mmdx.engine.reporting.audit import verdict_for
from mmdx.engine.reporting.conclude import Results, conclude
from mmdx.engine.runs.folder import is_model_folder
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.baselines.files import write_baselines
from mmdx.engine.scoring.score import default_showings, score_split
from mmdx.engine.scoring.texts import write_reports
from mmdx.engine.training.loop import fit, set_up
from mmdx.engine.training.objective import Objective, objective
from mmdx.engine.training.plan import plan
from mmdx.engine.training.threads import choose_threads
from mmdx.engine.training.tracking import tracked
from mmdx.files import write_json
from mmdx.study import Split

SCORED: tuple[Split, ...] = ("val", "test")
"""The splits that every training scores at its end."""


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
    if setting.is_main:
        _record(setting)
    with tracked(setting.accelerator, setting.run.folder):
        training = set_up(setting, resume=resume, objective=objective)
        threads = choose_threads(training)
        setting.say(*opening_lines(setting, training.saved, present, threads))
        with threads.applied():
            fit(training)
    with threads.applied():
        return score_best(setting)


def score_best(setting: Setting) -> Outcome:
    """Scores the best model of a run on val and test, with every showing, and concludes."""
    run = setting.run
    saved = load_model(run.best)
    saved.to(setting.accelerator.device)
    showings = default_showings(list(saved.config.model.inputs))
    for split in SCORED:
        score_split(setting, saved, split, showings, run.predictions)
    reports = write_reports(setting, saved, "test", run.predictions)
    results = None
    if setting.is_main:
        if not run.studies.is_file():
            setting.say(*write_studies(run.studies, setting.store, "split", setting.splits))
        setting.say(*write_baselines(setting, saved, SCORED, run.predictions))
        results = conclude(setting, saved, reports)
    setting.accelerator.wait_for_everyone()
    return Outcome(saved, results)


def _record(setting: Setting) -> None:
    """Writes the first files of a run; one that goes on keeps those that it has."""
    run, store = setting.run, setting.store
    # The plan is made before anything is written: a model that cannot be built leaves no folder behind.
    new = None if is_model_folder(run.best) else plan(setting)
    record_plan(run, setting.config, store, setting.splits)
    record_store(run, store, setting.accelerator)
    if new is not None:
        new.write(setting)
    audit = verdict_for(store, setting.splits)
    write_json(run.audit, audit)
    setting.say(f"audit: {audit['verdict']}")
