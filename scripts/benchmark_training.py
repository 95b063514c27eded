"""A training as the benchmarks time it: described, set up, and not a step taken."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mmdx.engine.assembly.finals import with_final
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.processes import make_accelerator
from mmdx.engine.runs.record import record_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.loop import Training, set_up, train_epoch
from mmdx.engine.training.plan import plan
from mmdx.files import RunLayout
from mmdx.schema import Component, Config


def described(config: Config, folder: Path) -> Setting:
    """The setting of a run in `folder` whose model is described there; its store is prepared first where it is not."""
    config = with_final(config, Component(type="last"))
    accelerator, run = make_accelerator(), RunLayout(folder)
    store = open_store(config, Console(stderr=True))
    folder.mkdir(exist_ok=True)
    accelerator.project_configuration.logging_dir = str(folder)
    setting = Setting(config, run, store, deal(config, store), accelerator, Console(quiet=True))
    plan(setting).write(setting)
    record_store(run, store, accelerator)
    return setting


def training_in(config: Config, folder: Path) -> Training:
    """The training of that run, at its beginning."""
    return set_up(described(config, folder), resume=False)


def epoch(training: Training) -> None:
    """One epoch of it, counted as its first."""
    training.progress = type(training.progress)()
    for _ in train_epoch(training):
        pass
