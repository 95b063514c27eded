"""Two pictures of each slice as channels of one input, from config to answer: trained, scored, asked for raw files."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from rich.console import Console
from stacked import write_windows

from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.narrow import narrow
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.explain import Asked, explain_source
from mmdx.engine.inference.explanation import Explanation
from mmdx.engine.inference.model import Model
from mmdx.engine.inference.predict import predict_source
from mmdx.engine.scoring.encoded import key_parts
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.errors import DataError, UsageError

QUIET = Console(quiet=True)
LACKING = 4


def write_config(path: Path, source: Path, **changes: Any) -> Path:
    inputs = {"ct": {"encoder": "test_patches", "neighbours": 1}, "brain": {"encoder": "test_patches"}}
    config = {
        "data": {"reader": "folder", "source": str(source), "stores": str(path.parent / "stores"), "size": 16},
        "model": {
            "inputs": inputs,
            "dim": 8,
            "heads": {"study": "study", "slice": {"type": "slice", "modality": "ct"}},
        },
        "train": {"epochs": 1, "slices": 12, "studies": 6, "final": "best"},
        "run": str(path.parent / path.stem),
        "plugins": ["patches"],
    }
    config["data"] |= {"stacks": {"ct": ["brain", "bone"]}}
    path.write_text(yaml.safe_dump(config | changes, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort (`raw`), of which study 4 has no bone, a config (`c.yaml`) and a run on it (`c`)."""
    folder = tmp_path_factory.mktemp("stacks")
    config = write_config(folder / "c.yaml", write_windows(folder / "raw", lacking=LACKING))
    train(resolve(read_config(config)), name="c", console=QUIET)
    return folder


def scores(home: Path, shown: str) -> dict[str, float]:
    table = pd.read_csv(home / "c" / "predictions" / "test.csv")
    rows = table[table["shown"] == shown]
    return dict(zip(rows["study_id"], rows["score"], strict=True))


def test_the_model_knows_the_channels_and_shows_the_stack_as_one(home: Path) -> None:
    facts = json.loads((home / "c" / "checkpoints" / "best" / "model.json").read_text(encoding="utf-8"))
    assert facts["inputs"]["ct"]["channels"] == 2
    assert facts["inputs"]["ct"]["details"] == {"brain": 1, "bone": 1}
    saved = load_model(home / "c" / "checkpoints" / "best")
    assert saved.model.branches["ct"].encoder.look.in_channels == 6
    table = pd.read_csv(home / "c" / "predictions" / "test.csv")
    assert set(table["shown"]) == {"ct+brain", "ct", "brain"}
    assert set(pd.read_csv(evaluate_run(home / "c", "val", [("ct",)], home / "again"))["shown"]) == {"ct"}
    assert "`ct` (stack of brain, bone)" in (home / "c" / "card.md").read_text(encoding="utf-8")


def test_raw_folders_get_the_scores_of_the_run(home: Path) -> None:
    saved = load_model(home / "c" / "checkpoints" / "best")
    expected = scores(home, "ct+brain")
    study = next(name for name in expected if name != f"s{LACKING:02d}")
    (prediction,) = predict_source(saved, home / "raw" / study)
    assert prediction.findings["bleed"] == pytest.approx(expected[study], abs=1e-5)
    assert (prediction.shown, prediction.missing) == ("ct+brain", ())
    assert all("are one grey everywhere" in problem for problem in prediction.problems)
    pixels = {w: np.stack([np.array(Image.open(p)) for p in sorted((home / "raw" / study / w).iterdir())])
              for w in ("brain", "bone")}  # fmt: skip
    (same,) = Model(saved).predict(pixels)
    assert same.findings["bleed"] == pytest.approx(expected[study], abs=1e-5)


def test_a_study_that_lacks_one_picture_is_answered_without_the_stack(home: Path, tmp_path: Path) -> None:
    saved = load_model(home / "c" / "checkpoints" / "best")
    brain = tmp_path / "study" / "brain"
    brain.mkdir(parents=True)
    Image.linear_gradient("L").resize((16, 16)).save(brain / "1.png")
    (prediction,) = predict_source(saved, tmp_path / "study")
    assert (prediction.shown, prediction.missing) == ("brain", ("ct",))
    assert prediction.problems == ("'ct' is made of brain and bone: the study lacks bone; give each",)


def test_slices_that_differ_in_number_are_refused(home: Path, tmp_path: Path) -> None:
    saved = load_model(home / "c" / "checkpoints" / "best")
    for window, count in (("brain", 2), ("bone", 1)):
        (tmp_path / "study" / window).mkdir(parents=True)
        for place in range(count):
            Image.new("L", (16, 16), 40).save(tmp_path / "study" / window / f"{place + 1}.png")
    with pytest.raises(DataError, match=r"'ct': not of the same slices \(2 images of brain, 1 images of bone\); give"):
        predict_source(saved, tmp_path / "study").check()


def test_an_explanation_shows_the_first_picture(home: Path) -> None:
    saved = load_model(home / "c" / "checkpoints" / "best")
    (explanation,) = explain_source(saved, home / "raw" / "s05", Asked(top=3))
    assert isinstance(explanation, Explanation)
    assert explanation.modality == "ct"
    greys = {image.place.index: round(float(image.pixels[0, 0]) * 255) for image in explanation.findings["bleed"]}
    assert greys == {0: 40, 1: 41, 2: 42}


def test_an_ablation_takes_the_stack_whole(home: Path) -> None:
    config = resolve(read_config(home / "c.yaml"))
    assert narrow(config, ["ct"]).config.data.stacks == {"ct": ("brain", "bone")}
    assert narrow(config, ["brain"]).config.data.stacks == {}


def test_a_second_stage_reads_descriptors_of_the_stack(home: Path, tmp_path: Path) -> None:
    image = {"encoder": {"type": "timm", "name": "test_resnet", "frozen": True}, "sequence": "mean"}
    first = {"folds": None, "model": {"inputs": {"ct": image}, "dim": 8}, "train": {"epochs": 1}}
    model = {"inputs": {"ct": {"encoder": "plain", "sequence": "mean"}}, "dim": 8}
    config = write_config(tmp_path / "two.yaml", home / "raw", first=first, model=model)
    run = train(resolve(read_config(config)), name="two", console=QUIET).run.folder
    table = pd.read_csv(run / "predictions" / "test.csv")
    study = next(name for name in table["study_id"] if name != f"s{LACKING:02d}")
    (prediction,) = predict_source(load_model(run / "checkpoints" / "best"), home / "raw" / study)
    expected = table[(table["study_id"] == study) & (table["shown"] == "ct")]["score"].item()
    assert prediction.findings["bleed"] == pytest.approx(expected, abs=1e-4)
    assert set(pd.read_csv(evaluate_run(run, "val", [("ct",)], tmp_path / "again"))["shown"]) == {"ct"}
    described, folder = load_model(run / "first" / "checkpoints" / "best"), next((home / "stores").iterdir())
    keys = [key_parts(described, Store(folder, {"ct": parts}), "ct") for parts in permutations(("brain", "bone"))]
    assert [key["modality"] for key in keys] == [["brain", "bone"], ["bone", "brain"]]


def test_what_a_stack_cannot_be(home: Path, tmp_path: Path) -> None:
    data = yaml.safe_load((home / "c.yaml").read_text())["data"]
    lone = write_config(tmp_path / "a.yaml", home / "raw", data=data | {"stacks": {"ct": ["brain"]}})
    with pytest.raises(UsageError, match=r"data\.stacks: ct is made of brain; list two or more others"):
        read_config(lone)
    strange = write_config(tmp_path / "b.yaml", home / "raw", data=data | {"stacks": {"ct": ["brain", "bonee"]}})
    with pytest.raises(UsageError, match=r"data\.stacks\.ct.*: no .*'bonee'"):
        train(resolve(read_config(strange)), name="b", console=QUIET)
    model = {"inputs": {"ct": {"encoder": "test_patches", "view": "grey"}}}
    blended = write_config(tmp_path / "d.yaml", home / "raw", model=model)
    with pytest.raises(UsageError, match=r"model\.inputs\.ct\.view: 'grey' is for one image, and 'ct' is a stack"):
        train(resolve(read_config(blended)), name="d", console=QUIET)
    both = write_config(tmp_path / "e.yaml", home / "raw", data=data | {"tables": {"ct": ["age"]}})
    with pytest.raises(UsageError, match=r"data\.tables and data\.stacks both make 'ct'"):
        resolve(read_config(both))
