"""A model whose only head answers for slices: every verb works on its run, or says in one line what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mmdx.cli import main

IMAGE = {"encoder": "test_patches", "sequence": "mean"}
VECTORS = {"encoder": "plain", "sequence": "mean"}
REPORT = {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}}
JUDGED = {"epochs": 1, "slices": 96, "studies": 6, "judge": "slices"}
SLICES = {"inputs": {"image": IMAGE, "report": REPORT}, "heads": {"slice": "slice"}, "dim": 16}


def command(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def config(home: Path, name: str, **sections: Any) -> Path:
    reader = {"type": "phantom", "patients": 24, "matrix": 64, "prevalence": 0.5}
    raw = {
        "data": {"reader": reader, "source": str(home / "raw"), "stores": str(home / "stores"), "size": 32},
        "model": SLICES,
        "train": JUDGED,
        "run": str(home / name),
        "plugins": ["patches"],
    }
    path = home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(raw | sections), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A phantom cohort (`raw`) and the run of a slice model on it (`slices`)."""
    folder = tmp_path_factory.mktemp("slices_alone")
    assert command("train", config(folder, "slices")) == 0
    return folder


def a_study(home: Path) -> Path:
    """Raw files of one study of the cohort."""
    return next(path for path in sorted((home / "raw").iterdir()) if (path / "image").is_dir())


def test_a_run_leaves_scores_of_slices_and_says_so(home):
    run = home / "slices"
    left = {path.name for path in (run / "predictions").iterdir()}
    assert left == {f"{split}_slices{end}.csv" for split in ("val", "test") for end in ("", "_baselines")}
    found = json.loads((run / "metrics.json").read_text())
    rows = pd.read_csv(run / "predictions" / "test_slices.csv")
    shown = rows.loc[(rows["shown"] == "image+report") & (rows["finding"] == "any")]
    assert (found["unit"], found["rows"], "slices" in found) == ("slice", len(shown), False)
    assert [arm["shown"] for arm in found["arms"]] == ["image+report", "image", "constant", "slice position"]
    said = f"the test split: {len(shown)} slices of {shown['study_id'].nunique()} studies of "
    reporting = (run / "reporting.md").read_text()
    assert said in reporting
    assert "score and label of every slice (predictions/test_slices.csv: score)" in reporting
    assert "held against constant, slice position (predictions/test_slices_baselines.csv: shown)" in reporting
    assert "baselines of the same slices (`predictions/test_slices_baselines.csv`)" in (run / "card.md").read_text()


def test_it_is_scored_again(home, tmp_path, capsys):
    assert command("evaluate", home / "slices", "--out", tmp_path / "again") == 0
    assert f"predictions:  {tmp_path / 'again' / 'test_slices.csv'}" in capsys.readouterr().out.replace("\n", "")
    old, new = (
        pd.read_csv(place / "test_slices.csv") for place in (home / "slices" / "predictions", tmp_path / "again")
    )
    pd.testing.assert_frame_equal(old, new, atol=1e-5, rtol=1e-5)
    assert command("evaluate", home / "slices", "--show", "report", "--out", tmp_path / "report") == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("mmdx: "))
    assert line.endswith("is shown, and the model answers for images alone; show them")


@pytest.mark.parametrize(("level", "unit"), [((), "slice"), (("--level", "slice"), "slice")])
def test_it_is_compared_by_slices(home, tmp_path, level, unit):
    assert command("compare", home / "slices", *level, "--resamples", "100", "--out", tmp_path) == 0
    assert json.loads((tmp_path / "compare.json").read_text())["unit"] == unit


def test_it_has_no_studies_to_compare(home, tmp_path, capsys):
    assert command("compare", home / "slices", "--level", "study", "--out", tmp_path) == 1
    expected = f"mmdx: {home / 'slices'}: its model answers for slices alone (predictions/test_slices.csv); "
    assert capsys.readouterr().err.splitlines() == [f"{expected}give --level slice"]


def test_raw_files_get_a_row_per_slice(home, tmp_path, capsys):
    assert command("predict", home / "slices", a_study(home), "--out", tmp_path) == 0
    assert "likeliest slice" in capsys.readouterr().out
    rows = pd.read_csv(tmp_path / "predictions.csv")
    (told,) = json.loads((tmp_path / "predictions.json").read_text())
    assert list(rows.columns[-2:]) == ["score", "slice"]
    assert rows.loc[rows["finding"] == "any", "slice"].tolist() == list(range(told["images"]["image"]))
    assert rows.loc[rows["finding"] == "any", "score"].tolist() == pytest.approx(told["slices"]["any"], abs=1e-6)
    assert command("explain", home / "slices", a_study(home), "--out", tmp_path / "why", "--top", "1") == 0


def test_a_report_alone_gets_no_answer(home, tmp_path, capsys):
    (tmp_path / "metadata.csv").write_text("study_id,file_names,report\na,,history of a fall\n")
    assert command("predict", home / "slices", tmp_path) == 1
    expected = "mmdx: refused: a: the model answers for images alone, and the study has none that it reads"
    assert capsys.readouterr().err.splitlines() == [expected]


def test_it_is_the_first_of_two_stages(home, tmp_path):
    first = {"folds": 2, "model": {**SLICES, "inputs": {"image": IMAGE}}, "train": JUDGED}
    second = {"inputs": {"image": VECTORS}, "heads": {"study": "study"}, "dim": 16}
    asked = config(home, "two", model=second, train=JUDGED | {"judge": "studies"}, first=first)
    assert command("train", asked) == 0
    run = home / "two"
    assert json.loads((run / "metrics.json").read_text())["unit"] == "study"
    assert json.loads((run / "first" / "metrics.json").read_text())["unit"] == "slice"
    assert command("compare", run, home / "slices", "--out", tmp_path) == 1


def test_it_is_cross_validated(home, tmp_path):
    path = config(home, "folds")
    assert command("train", path, "data.folds.count=2") == 0
    found = json.loads((home / "folds" / "metrics.json").read_text())
    assert (found["unit"], found["folds"]["count"]) == ("slice", 2)
    assert command("evaluate", home / "folds", "--out", tmp_path / "again") == 0
    old, new = (pd.read_csv(p / "test_slices.csv") for p in (home / "folds" / "predictions", tmp_path / "again"))
    pd.testing.assert_frame_equal(old, new, atol=1e-5, rtol=1e-5)
