"""A model of volumes and stored descriptors is trained, scored, loaded again and asked about a volume."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

from mmdx.config_file import read_config
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.predict import predict_source

WIDTH = 5


def write_release(root: Path, *, cases: int = 24) -> Path:
    """CPM-RadPath in small: the class tells how bright the volume is, every other case has descriptors of it."""
    rng = np.random.default_rng(0)
    (root / "Pathology").mkdir(parents=True)
    rows = ["CPM_RadPath_2019_ID,class"]
    for index in range(cases):
        case, label = f"case{index:02d}", index % 3
        (root / "Radiology" / case).mkdir(parents=True)
        volume = nibabel.Nifti1Image(rng.normal(100 * label, 20, (8, 8, 1 + index % 3)).astype(np.float32), np.eye(4))
        nibabel.save(volume, root / "Radiology" / case / f"{case}_flair.nii.gz")
        if index % 2:
            np.save(root / "Pathology" / f"{case}.npy", rng.normal(label, 1, (1 + index % 4, WIDTH)))
        rows.append(f"{case},{'GAO'[label]}")
    (root / "training_data_classification_labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def write_config(path: Path, source: Path, **inputs: object) -> Path:
    image = {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}}
    slides = {"encoder": {"type": "mlp", "hidden": 8}, "sequence": {"type": "attention", "hidden": 8}}
    config = {
        "data": {"reader": "cpm_radpath", "source": str(source), "stores": str(path.parent / "stores"), "size": 16},
        "model": {"inputs": inputs or {"flair": image, "pathology": slides}, "dim": 8, "modality_dropout": 0.3},
        "train": {"epochs": 1, "slices": 12, "studies": 6, "final": "best"},
        "run": str(path.parent / "run"),
        "plugins": ["patches"],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release (`raw`) and a run on it (`run`)."""
    home = tmp_path_factory.mktemp("build")
    config = write_config(home / "tiny.yaml", write_release(home / "raw"))
    train(resolve(read_config(config)), name="tiny", console=Console(quiet=True))
    return home


def test_volumes_and_descriptors_train_together_and_are_scored_alone(trained: Path) -> None:
    table = pd.read_csv(trained / "run" / "predictions" / "test.csv")
    assert set(table["shown"]) == {"flair+pathology", "flair", "pathology"}
    assert set(table["finding"]) == {"class/G", "class/A", "class/O"}
    assert table["score"].between(0, 1).all()
    assert set(table["order_source"].dropna()) == {"flair:position"}


def test_a_saved_model_knows_the_width_and_is_made_again(trained: Path) -> None:
    saved = load_model(trained / "run" / "checkpoints" / "best")
    assert (saved.facts.inputs["pathology"].kind, saved.facts.inputs["pathology"].width) == ("vectors", WIDTH)
    assert {section: kind_of(saved.config.model.inputs[section]).name for section in saved.config.model.inputs} == {
        "flair": "images",
        "pathology": "vectors",
    }


def test_a_volume_is_answered_without_descriptors(trained: Path) -> None:
    saved = load_model(trained / "run" / "checkpoints" / "best")
    volume = trained / "raw" / "Radiology" / "case02" / "case02_flair.nii.gz"
    (prediction,) = predict_source(saved, volume)
    assert (prediction.shown, prediction.missing) == ("flair", ("pathology",))
    assert prediction.images == {"flair": 3}


def test_descriptors_alone_make_a_model(trained: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", trained / "raw", pathology="mlp")
    train(resolve(read_config(config)), name="c", console=Console(quiet=True))
    table = pd.read_csv(tmp_path / "run" / "predictions" / "test.csv")
    assert set(table["shown"]) == {"pathology"}
