"""The plan of a new run: what is written before anything is trained."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_description
from mmdx.engine.assembly.store import open_store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.plan import plan
from mmdx.files import RunLayout


def test_a_plan_describes_a_model_without_weights(tmp_path: Path):
    config = resolve(read_config(write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw"))))
    console, run = Console(quiet=True), RunLayout(tmp_path / "run")
    store = open_store(config, console)
    setting = Setting(config, run, store, store.splits, Accelerator(cpu=True), console)
    plan(setting).write(setting)
    described, facts, tokenizers = load_description(run.best)
    assert described.model.inputs.keys() == {"image", "report"}
    assert facts.findings == ("bleed", "fracture")
    assert facts.inputs["report"].vocabulary == tokenizers["report"].vocabulary
    assert run.selections.is_file()
    assert not (run.best / "model.safetensors").exists()
