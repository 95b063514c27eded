"""Guidance end to end on a tiny cohort: reports guide images, and then are needed no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file
from tiny import write_cohort, write_config

from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.extract import extract_run
from mmdx.engine.experiments.guidance import run as guidance
from mmdx.engine.experiments.guidance.latents import encode_rows
from mmdx.engine.experiments.run import train
from mmdx.engine.processes import make_accelerator
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.training import loop
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.models.heads.study import StudyHead

SIDES = {"superior": ["report"], "inferior": ["image"], "epochs": 3}
GUIDED = ("guided", "guided_own", "distilled")
STAGES = ("superior", "inferior", "guided", "guided_own", "distilled", "dropped")


def write_guided(path: Path, source: Path, *, sides: dict | None = None, **train: object) -> Path:
    raw = yaml.safe_load(write_config(path, source, **train).read_text())
    raw["model"] |= {"heads": {"study": "study", "slice": "slice"}, "fusion": {"type": "film", "by": "report"}}
    path.write_text(yaml.safe_dump(raw | {"guidance": sides or SIDES}))
    return path


def guide(config: Path, *overrides: str, resume: bool = False) -> Path:
    chosen = resolve(read_config(config, overrides))
    return train(chosen, name=config.stem, console=Console(), resume=resume).run.folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guided")


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A whole run; 6 of the 36 studies have no report."""
    return guide(write_guided(place / "a.yaml", write_cohort(place / "raw", reports=30), epochs=1))


def test_every_stage_leaves_a_run_folder(run):
    for stage in STAGES:
        for name in ("config.yaml", "environment.json", "splits.csv", "audit.json", "metrics.json", "card.md"):
            assert (run / stage / name).is_file(), f"{stage}/{name}"
        assert (run / stage / "predictions" / "test.csv").is_file()
        baselines = pd.read_csv(run / stage / "predictions" / "test_baselines.csv")["shown"].unique()
        reads = stage in ("superior", "dropped")
        assert list(baselines) == ["constant", "metadata", *(["TF-IDF report"] if reads else [])]
        assert load_model(run / stage / "checkpoints" / "best").config.guidance is None
    assert (run / "studies.csv").read_bytes() == (run / "guided" / "studies.csv").read_bytes()
    check = json.loads((run / "guidance" / "metrics.json").read_text())
    assert set(check["val"]) == {"r2", "studies", "patients", "beats_trivial"}


def test_what_a_side_goes_without_is_said_once(run, place, capsys):
    guide(place / "a.yaml", resume=True)
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("superior: ", "inferior: "))]
    assert sorted(notes) == [
        "inferior: finished before",
        "inferior: fusion.by is its default: it names report",
        "superior: finished before",
        "superior: heads.slice (slice) is left out: it asks for image",
    ]


def test_all_models_are_compared_on_the_studies_with_both_sides(run):
    tables = {stage: pd.read_csv(run / "predictions" / f"{stage}.csv") for stage in STAGES}
    alone = pd.read_csv(run / "guided" / "predictions" / "test.csv")
    store = Store(Path(json.loads((run / "environment.json").read_text())["store"]["folder"]))
    told = {store.study_ids[row] for row in store.splits.rows("test") if store.read(row).text("report")}
    assert told < set(alone["study_id"])
    for stage, table in tables.items():
        assert set(table["study_id"]) == told
        assert set(table["shown"]) == {"report" if stage == "superior" else "image"}
    recovery = json.loads((run / "recovery.json").read_text())
    assert list(recovery["shares"]) == ["guided", "guided_own", "distilled", "dropped"]
    assert (run / "compare.html").is_file()


def test_nothing_of_the_superior_modality_is_exported(run):
    for stage in GUIDED:
        folder = run / stage / "checkpoints" / "best"
        assert list(read_config(folder / "config.yaml").model.inputs) == ["image"]
        assert list(json.loads((folder / "model.json").read_text())["inputs"]) == ["image"]
        assert not (folder / "tokenizers").exists()
        assert not [name for name in load_file(folder / "model.safetensors") if "report" in name]


def test_guided_is_made_of_frozen_parts(run):
    """(c): the inferior encoder, guidance and the superior decoder, bit for bit; (d) keeps the first two."""
    inferior, superior, guided, own = (
        load_file(run / stage / "checkpoints" / "best" / "model.safetensors")
        for stage in ("inferior", "superior", "guided", "guided_own")
    )
    taught = load_file(run / "guidance" / "model.safetensors")
    for name, value in guided.items():
        kind, _, rest = name.partition(".")
        if name.startswith("fusion.guide."):
            expected = taught[name.removeprefix("fusion.guide.")]
        elif name.startswith("fusion.base."):
            expected = inferior[f"fusion.{name.removeprefix('fusion.base.')}"]
        else:
            expected = superior[name] if kind == "heads" else inferior[name]
        assert torch.equal(value, expected), name
        assert kind == "heads" or torch.equal(own[name], value), name
        assert rest
    assert any(not torch.equal(own[name], superior[name]) for name in guided if name.startswith("heads."))


def test_the_superior_modality_is_not_needed(run, place, tmp_path):
    """A store without reports gives the same answers, and so does a folder of images."""
    raw = write_cohort(tmp_path / "raw", reports=0)
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "folder", str(raw), str(tmp_path / "store"), "size=32"])
    assert stopped.value.code == 0
    assert list(Store(tmp_path / "store").modalities) == ["image"]
    for stage in GUIDED:
        moved = tmp_path / stage
        shutil.copytree(run / stage, moved)
        facts = json.loads((moved / "environment.json").read_text())
        facts["store"] |= {"folder": str(tmp_path / "store")}
        facts["store"]["fingerprint"] = json.loads((tmp_path / "store" / "dataset.json").read_text())["fingerprint"]
        (moved / "environment.json").write_text(json.dumps(facts))
        path = evaluate_run(moved, "test", None, tmp_path / "out")
        pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(run / stage / "predictions" / "test.csv"))
        with pytest.raises(SystemExit) as stopped:
            main(["predict", str(run / stage), str(raw / "00_0.png")])
        assert stopped.value.code == 0


def test_latents_are_those_of_evaluation(run):
    """No augmentation, no dropout: twice the same, and the heads of the model answer them as it does."""
    saved, accelerator = load_model(run / "superior" / "checkpoints" / "best"), make_accelerator()
    store = Store(Path(json.loads((run / "environment.json").read_text())["store"]["folder"]))
    rows = store.splits.rows("train")[::-1]
    first, again = (encode_rows(saved, store, rows, accelerator) for _ in range(2))
    assert torch.equal(first.fused, again.fused)
    head = saved.model.answering["study"]
    assert isinstance(head, StudyHead)
    torch.testing.assert_close(head.layers(first.fused), first.logits["study"])
    torch.testing.assert_close(first.of(rows[:2]), first.fused[:2], atol=0, rtol=0)


def test_killed_within_and_between_stages_and_resumed(run, place, tmp_path, monkeypatch):
    config = place / "a.yaml"
    stopped = tmp_path / "stopped"

    def in_the_second_stage(setting, progress, rate, losses, log=loop.log_step):
        if setting.run.folder.name == "inferior" and progress.step == 3:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    def before_the_last(stages, stage, *arguments, join=guidance.join_stage):
        if stage == "guided_own":
            raise KeyboardInterrupt
        return join(stages, stage, *arguments)

    for place_of, name, part in ((loop, "log_step", in_the_second_stage), (guidance, "join_stage", before_the_last)):
        with monkeypatch.context() as patch:
            patch.setattr(place_of, name, part)
            with pytest.raises(KeyboardInterrupt):
                guide(config, f"run={stopped}", resume=stopped.exists())
    made = {stage: (stopped / stage / "card.md").stat().st_mtime_ns for stage in ("superior", "inferior", "guided")}
    guide(config, f"run={stopped}", resume=True)
    for stage, when in made.items():
        assert (stopped / stage / "card.md").stat().st_mtime_ns == when, f"{stage} was made again"
    for stage in STAGES:
        whole, again = (load_file(r / stage / "checkpoints" / "best" / "model.safetensors") for r in (run, stopped))
        assert all(torch.equal(whole[name], again[name]) for name in whole), stage
        assert (run / "predictions" / f"{stage}.csv").read_text() == (
            stopped / "predictions" / f"{stage}.csv"
        ).read_text()


def test_guidance_on_descriptors_exports_the_model_that_makes_them(run, place, tmp_path):
    extract_run(
        RunLayout(run / "inferior"), tmp_path / "described", modalities=[], folds=2, console=Console(quiet=True)
    )
    raw = yaml.safe_load((place / "a.yaml").read_text())
    raw["model"]["inputs"]["image"] = {"encoder": "plain", "sequence": "mean"}
    raw |= {"data": {"store": str(tmp_path / "described")}, "run": str(tmp_path / "run")}
    (tmp_path / "b.yaml").write_text(yaml.safe_dump(raw))
    second = guide(tmp_path / "b.yaml")
    for stage in STAGES:
        best = second / stage / "checkpoints" / "best"
        assert (best / "first" / "model.safetensors").is_file() == (stage != "superior"), stage
        assert (load_model(best).first is None) == (stage == "superior"), stage
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(second / "guided"), str(place / "raw" / "00_0.png"), "--out", str(tmp_path / "out")])
    assert stopped.value.code == 0


def test_a_superior_modality_that_no_training_study_has(tmp_path):
    raw = write_cohort(tmp_path / "raw")
    rows = [json.loads(line) for line in (raw / "metadata.jsonl").read_text().splitlines()]
    for index, row in enumerate(rows):
        row["split"] = ("train", "train", "val", "test")[index % 4 if index % 8 < 4 else 3 - index % 4]
        row["report"] = "" if row["split"] == "train" else row["report"]
    (raw / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"the superior modality 'report' is absent from all \d+ training studies"):
        guide(write_guided(tmp_path / "a.yaml", raw))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ({"superior": [], "inferior": ["image"]}, "guidance.superior"),
        ({"superior": ["report"], "inferior": ["image"], "epoch": 3}, "guidance.epoch: unknown key"),
    ],
)
def test_sides_that_cannot_be(tmp_path, sides, said):
    with pytest.raises(UsageError) as caught:
        read_config(write_guided(tmp_path / "a.yaml", tmp_path, sides=sides))
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("guidance.superior=[image]", "'image' is superior and inferior"),
        ("guidance.superior=[reprot]", "guidance names 'reprot'; did you mean 'report'?"),
        ("model.modality_dropout=0", "set model.modality_dropout"),
        ("model.inputs.third=bilstm_attention", "names 'third' neither superior nor inferior"),
    ],
)
def test_configs_that_cannot_be_guided(tmp_path, override, said):
    config = write_guided(tmp_path / "a.yaml", tmp_path / "none")
    with pytest.raises(UsageError) as caught:
        resolve(read_config(config, [override]))
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


def test_a_modality_that_the_store_lacks_is_named_before_any_training(tmp_path):
    config = write_guided(tmp_path / "a.yaml", write_cohort(tmp_path / "raw", reports=0))
    with pytest.raises(UsageError, match=r"model\.inputs\.report: no study in .* has such a modality"):
        guide(config)
    assert not (tmp_path / "run").exists()
