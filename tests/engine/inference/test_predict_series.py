"""A model that learned from several series of a study finds them in raw files by the same rules."""

from __future__ import annotations

import json
from pathlib import Path

import cohorts
import numpy as np
import pydicom
import pytest
import yaml
from rich.console import Console
from tiny import write_config

import mmdx
from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train

RULES = {"soft": {"description": "head", "without": "bone"}, "bone": "bone"}


def exam(folder: Path, number: int) -> Path:
    """A study with a series of two slices, `Head`, and one of three, `Head bone`, whose values tell the label."""
    rng = np.random.default_rng(number)
    for series, (words, count) in enumerate((("Head", 2), ("Head bone", 3)), start=1):
        for index in range(count):
            path, uid = folder / f"{series}_{index}.dcm", f"1.2.{number}"
            hu = rng.normal(40 * (number % 2), 20, (32, 32))
            cohorts.write_ct(path, hu, instance=index + 1, study=uid, series=f"{uid}.{series}", patient=f"p{number}")
            file = pydicom.dcmread(path)
            file.SeriesNumber, file.SeriesDescription = series, words
            file.save_as(path)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("series")
    rows = [{"study_id": f"1.2.{n}", "bleed": n % 2} for n in range(1, 25)]
    for n in range(1, 25):
        exam(home / "raw" / f"{n:02d}", n)
    (home / "raw" / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = write_config(home / "tiny.yaml", home / "raw", epochs=1)
    config = yaml.safe_load(path.read_text())
    config["data"]["reader"] = {"type": "dicom", "table": "labels.jsonl", "modalities": RULES}
    part = config["model"]["inputs"]["image"]
    config["model"]["inputs"] = {"soft": part, "bone": part}
    path.write_text(yaml.safe_dump(config))
    train(resolve(read_config(path)), name="tiny", console=Console(quiet=True))
    return home


def test_a_raw_study_is_read_by_the_rules_of_the_model(trained: Path, tmp_path: Path) -> None:
    facts = json.loads((trained / "run" / "checkpoints" / "best" / "model.json").read_text())
    assert facts["at_use"]["modalities"]["soft"] == {"description": "head", "without": ["bone"], "modality": ""}
    (answer,) = mmdx.load(trained / "run").predict(exam(tmp_path / "new", 99))
    assert (answer.shown, answer.images) == ("bone+soft", {"bone": 3, "soft": 2})
