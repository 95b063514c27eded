"""Methods that train a model whole: what each begins from, minimises and leaves, on phantoms with two modalities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file

from mmdx.config_file import read_config
from mmdx.engine.assembly.narrow import methods_of, twins
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.training import loop
from mmdx.errors import UsageError

METHODS = ["warm_start", "distilled", "relational", "contrastive", "shared", "dropped", "withheld"]


def write_guided(path: Path, methods: list[str] | None, **guidance: object) -> Path:
    part = {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}}
    reader = {"type": "phantom", "patients": 30, "prevalence": 0.4, "matrix": 64, "strength": "shared"}
    config = {
        "data": {"reader": reader, "source": str(path.parent / "phantom"), "stores": str(path.parent), "size": 32},
        "model": {"inputs": {"image": part, "enhanced": part}, "dim": 8, "modality_dropout": 0.3},
        "guidance": {"superior": ["enhanced"], "inferior": ["image"], "epochs": 2, "methods": methods, **guidance},
        "train": {"epochs": 1, "slices": 96, "studies": 8, "stack": False, "checkpoint_steps": 1},
        "plugins": ["patches"],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def guide(config: Path, *overrides: str, resume: bool = False) -> Path:
    chosen = resolve(read_config(config, overrides))
    return train(chosen, name=config.stem, console=Console(quiet=True), resume=resume).run.folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_guided(tmp_path_factory.mktemp("methods") / "a.yaml", METHODS)


@pytest.fixture(scope="module")
def run(config: Path) -> Path:
    return guide(config, f"run={config.parent / 'run'}")


def weights(run: Path, stage: str) -> dict[str, torch.Tensor]:
    return load_file(run / stage / "checkpoints" / "best" / "model.safetensors")


def test_every_method_leaves_a_run_and_a_share(run):
    shares = json.loads((run / "recovery.json").read_text())["shares"]
    assert list(shares) == ["guided", "guided_own", *METHODS]
    for method in METHODS:
        inputs = list(read_config(run / method / "checkpoints" / "best" / "config.yaml").model.inputs)
        assert inputs == (["enhanced", "image"] if method in ("shared", "dropped", "withheld") else ["image"]), method
        assert (run / method / "card.md").is_file()


def test_each_method_learns_something_else(run):
    """From the same seed, one side: all differ from the inferior model, and among themselves."""
    for methods in (["inferior", "warm_start", "distilled", "relational", "contrastive"], METHODS[4:]):
        heads = [weights(run, method)["heads.study.layers.1.weight"] for method in methods]
        for place, head in enumerate(heads):
            assert not any(torch.equal(head, other) for other in heads[:place]), methods[place]


def test_a_part_of_the_loss_is_logged_under_its_name(run):
    for method in ("distilled", "relational", "contrastive", "shared"):
        steps = [json.loads(line) for line in (run / method / "log.jsonl").read_text().splitlines()]
        values = [step[f"loss/{method}"] if f"loss/{method}" in step else step.get(method) for step in steps]
        assert any(value for value in values if value is not None), method


def test_a_warm_start_begins_from_the_superior_branch_and_all_others_by_chance(run):
    start = load_file(run / "warm_start" / "checkpoints" / "start.safetensors")
    superior = weights(run, "superior")
    assert start
    for name, value in start.items():
        assert torch.equal(value, superior[name.replace(".image.", ".enhanced.")]), name
    assert "heads.study.layers.1.weight" in start
    assert not list(run.glob("[!w]*/checkpoints/start.safetensors"))


def test_the_superior_modality_is_withheld_more_and_more(run, config):
    described = read_config(run / "withheld" / "checkpoints" / "best" / "config.yaml").model
    assert described.withhold == ("enhanced",)
    for stage in ("superior", "warm_start", "dropped"):
        assert read_config(run / stage / "checkpoints" / "best" / "config.yaml").model.withhold == ()


def test_killed_at_a_method_and_resumed(run, config, tmp_path, monkeypatch):
    stopped, log = tmp_path / "stopped", loop.log_step
    for chosen in ("warm_start", "contrastive", "withheld"):

        def stop(setting, progress, rate, losses, chosen=chosen):
            if setting.run.folder.name == chosen and progress.step == 2:
                raise KeyboardInterrupt
            log(setting, progress, rate, losses)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "log_step", stop)
            with pytest.raises(KeyboardInterrupt):
                guide(config, f"run={stopped}", resume=stopped.exists())
    guide(config, f"run={stopped}", resume=True)
    for stage in ("superior", *METHODS):
        whole, again = weights(run, stage), weights(stopped, stage)
        assert all(torch.equal(whole[name], again[name]) for name in whole), stage


def test_methods_that_a_config_does_not_name(tmp_path):
    config = resolve(read_config(write_guided(tmp_path / "a.yaml", None)))
    assert twins(config) == {"image": "enhanced"}
    assert methods_of(config) == ("warm_start", "distilled", "dropped")
    other = resolve(read_config(tmp_path / "a.yaml", ["model.inputs.image.sequence=mean"]))
    assert twins(other) == {}
    assert methods_of(other) == ("distilled", "dropped")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["guidance.methods=[distilled,distilled]"], "guidance.methods names 'distilled' twice"),
        (["model.modality_dropout=0"], "method 'dropped' never sees enhanced withheld; set model.modality_dropout"),
        (["model.inputs.image.sequence=mean"], "'warm_start' begins from weights of enhanced, but no inferior input"),
        (["model.withhold=[enhancd]"], "withhold names 'enhancd'; did you mean 'enhanced'?"),
        (["model.withhold=[enhanced,image]"], "withhold names every input"),
    ],
)
def test_methods_that_cannot_be(tmp_path, overrides, said):
    methods = ["warm_start", "dropped", "distilled", "withheld"]
    with pytest.raises(UsageError) as caught:
        resolve(read_config(write_guided(tmp_path / "a.yaml", methods), overrides))
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


def test_no_methods_leave_the_paper_alone(config, tmp_path):
    run = guide(config, f"run={tmp_path / 'run'}", "guidance.methods=[]")
    assert sorted(path.name for path in run.iterdir() if (path / "config.yaml").is_file()) == [
        "guided",
        "guided_own",
        "inferior",
        "superior",
    ]
    assert (run / "recovery.json").is_file()
