"""A training whose encoder is frozen at first: it resumes bit for bit, and several processes wait for each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from stopping import stopped_in_step
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments

ROOT = Path(__file__).parents[3]
ENCODER = "model.branches.image.encoder.network."


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The image encoder, pretrained, stays frozen for the first of two epochs, and then opens from the top."""
    torch.manual_seed(3)
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "net.safetensors")
    path = write_config(
        tmp_path / "a.yaml", write_cohort(tmp_path / "raw"), unfreeze={"after": 0.5, "until": 0.7}, layer_decay=0.5
    )
    encoder = "{type: timm, name: test_resnet, pretrained: " + str(tmp_path / "net.safetensors") + "}"
    path.write_text(path.read_text().replace("encoder: test_patches", f"encoder: {encoder}"))
    return path


def train(config: Path, run: Path, *, resume: bool = False) -> Path:
    resolved = resolve(read_config(config, [f"run={run}"]))
    return experiments.train(resolved, name="a", console=Console(quiet=True), resume=resume).run.folder


def last(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "last.safetensors")


def moved(run: Path, pretrained: Path) -> set[str]:
    """Which of three pretrained values, at the top, at the bottom and in a statistic, are no longer as they were."""
    names = ("layer4.0.conv1.weight", "bn1.weight", "bn1.running_mean")
    before, after = load_file(pretrained), last(run)
    return {name for name in names if not torch.equal(after[ENCODER + name], before[name])}


def test_killed_before_and_after_the_encoder_opens_and_resumed_is_bit_for_bit_the_same(config, tmp_path):
    whole = train(config, tmp_path / "whole")
    assert moved(whole, tmp_path / "net.safetensors") == {"layer4.0.conv1.weight", "bn1.weight", "bn1.running_mean"}
    steps = max(json.loads(line)["step"] for line in (whole / "log.jsonl").read_text().splitlines())
    for stop, opened in ((steps // 2, set()), (steps // 2 + 1, {"layer4.0.conv1.weight"})):
        run = tmp_path / f"stopped{stop}"
        with stopped_in_step(stop + 1):
            train(config, run)
        assert moved(run, tmp_path / "net.safetensors") == opened
        train(config, run, resume=True)
        first, second = last(whole), last(run)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first), f"stopped in step {stop + 1}"


def test_two_processes_with_a_frozen_encoder_wait_for_no_gradient(config, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *several, str(ROOT / "train.py"), str(config), f"run={tmp_path / 'run'}"]
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert moved(tmp_path / "run", tmp_path / "net.safetensors") >= {"layer4.0.conv1.weight"}
