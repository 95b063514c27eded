"""A training whose encoder is frozen encodes once, and ends as it would from pixels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from safetensors.torch import load_file
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.engine.scoring import encoded
from mmdx.engine.training import loop

ROOT = Path(__file__).parents[3]
SEVERAL = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw"))
    raw = yaml.safe_load(path.read_text())
    raw["model"]["inputs"]["image"]["encoder"] = "test_frozen_patches"
    path.write_text(yaml.safe_dump(raw))
    return path


def train(config: Path, run: Path, *, resume: bool = False, **overrides: object) -> Path:
    words = [f"run={run}", *(f"{key.replace('__', '.')}={value}" for key, value in overrides.items())]
    resolved = resolve(read_config(config, words))
    return experiments.train(resolved, name="a", console=Console(quiet=True), resume=resume).run.folder


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("stores/*/encoded/*.npy"))


def test_it_scores_as_from_pixels(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = train(config, tmp_path / "once")
    assert len(files(tmp_path)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(encoded, "encodable", lambda saved: {})
        pixels = train(config, tmp_path / "pixels")
    for name in ("val.csv", "test.csv"):
        left, right = (pd.read_csv(folder / "predictions" / name) for folder in (run, pixels))
        assert left.drop(columns="score").equals(right.drop(columns="score"))
        np.testing.assert_allclose(left["score"], right["score"], atol=1e-5)
    monkeypatch.setattr("patches.Patches.with_maps", None)  # another seed runs no encoder
    train(config, tmp_path / "seed", seed=1)
    assert len(files(tmp_path)) == 1


def test_resumed_it_is_bit_for_bit_the_same(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = train(config, tmp_path / "whole")

    def interrupted(setting, progress, rate, losses, log=loop.log_step):
        if progress.step == 3:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "log_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "stopped")
    shutil.rmtree(files(tmp_path)[0].parent)  # what is encoded again is the same, whatever a batch holds then
    stopped = train(config, tmp_path / "stopped", resume=True)
    left, right = (load_file(run / "checkpoints" / "last.safetensors") for run in (whole, stopped))
    assert all(left[name].equal(right[name]) for name in left)


def test_two_processes_share_the_work(config: Path, tmp_path: Path):
    train(config, tmp_path / "alone", train__epochs=1)
    (path,) = files(tmp_path)
    alone = path.read_bytes()
    shutil.rmtree(path.parent)
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths, "ACCELERATE_USE_CPU": "true"}
    words = [str(ROOT / "train.py"), str(config), f"run={tmp_path / 'two'}", "train.epochs=1"]
    done = subprocess.run([sys.executable, *SEVERAL, *words], env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_bytes() == alone
