"""A model of images alone learns to write the reports; what it wrote is kept, judged and shown for new files."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import yaml
from accelerate import Accelerator
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.readers import register_all
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import open_store
from mmdx.engine.assembly.texts import build_tokenizers, target_key, text_heads
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.predict import predict_source
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.engine.scoring.texts import origin, write_reports
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Config
from mmdx.terminal.predictions import show_predictions
from mmdx.terminal.scores import show_conclusion

DESCRIBE = {"type": "description", "layers": 1, "width": 16, "heads": 2, "beams": 2, "max_words": 8}
TOLD = {"history of a fall on the head", "headache since this morning"}


def config_of(path: Path, *, inputs: tuple[str, ...] = ("image",), heads: dict | None = None) -> Config:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["model"]["inputs"] = {name: raw["model"]["inputs"][name] for name in inputs}
    raw["model"]["heads"] = heads or {"study": "study", "describe": DESCRIBE}
    raw["train"]["judge"] = "slices" if "slice" in raw["model"]["heads"] else "studies"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return resolve(read_config(path))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a cohort (`raw`), 40 of whose 48 studies have a report, a run on it (`run`), and what it said."""
    home = tmp_path_factory.mktemp("describe")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw", patients=48, reports=40), epochs=1)
    output = StringIO()
    console = Console(file=output, width=200)
    show_conclusion(train(config_of(config), name="tiny", console=console), console)
    return home, output.getvalue()


def reports(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_every_test_study_is_described_by_every_method(trained: tuple[Path, str]) -> None:
    table = reports(trained[0] / "run" / "predictions" / "test_reports.csv")
    scores = pd.read_csv(trained[0] / "run" / "predictions" / "test.csv")
    assert list(table.columns) == ["study_id", "patient_id", "shown", "method", "reference", "generated"]
    for _, rows in table.groupby("study_id"):
        assert list(rows["method"]) == ["model", "nearest", "commonest"]
    assert set(table["study_id"]) == set(scores["study_id"])
    assert set(table["shown"]) == {"image"}
    assert set(table["reference"]) <= {*TOLD, ""}
    assert set(table.loc[table["method"] != "model", "generated"]) <= TOLD
    assert table.loc[table["method"] == "commonest", "generated"].nunique() == 1
    assert (table["generated"].str.split().str.len() >= 1).all()


def test_what_they_are_worth_is_shown_and_kept(trained: tuple[Path, str]) -> None:
    home, said = trained
    found = json.loads((home / "run" / "metrics.json").read_text(encoding="utf-8"))["descriptions"]
    table = reports(home / "run" / "predictions" / "test_reports.csv")
    assert found["studies"] == table.loc[table["reference"] != "", "study_id"].nunique()
    assert {e["method"] for e in found["estimates"]} == {"model", "nearest", "commonest", "the reports themselves"}
    assert "writes 'report' from image" in said
    assert f"Descriptions of {found['studies']} studies" in said
    assert "training reports of 'report' of the cohort 'folder'" in said


def test_the_reports_are_told_by_what_they_are_of() -> None:
    register_all()
    assert origin("openi") == "Open-i chest x-rays (openi)"
    assert origin("phantom").startswith("Head CTs with and without contrast agent")
    assert origin("a_reader_that_is_gone") == "the cohort 'a_reader_that_is_gone'"


def test_another_split_is_described_when_it_is_evaluated(trained: tuple[Path, str], tmp_path: Path) -> None:
    evaluate_run(trained[0] / "run", "val", None, tmp_path)
    assert set(reports(tmp_path / "val_reports.csv")["method"]) == {"model", "nearest", "commonest"}
    evaluate_run(trained[0] / "run", "val", [("image",)], tmp_path / "shown")
    assert not (tmp_path / "shown" / "val_reports.csv").exists()


def test_the_nearest_report_of_a_training_study_is_its_own(trained: tuple[Path, str], tmp_path: Path) -> None:
    saved = load_model(trained[0] / "run" / "checkpoints" / "best")
    store = Store(next((trained[0] / "stores").iterdir()))
    run, quiet = RunLayout(trained[0] / "run"), Console(quiet=True)
    setting = Setting(saved.config, run, store, store.splits, Accelerator(cpu=True), quiet)
    table = write_reports(setting, saved, "train", tmp_path)
    assert table is not None
    near = table[(table["method"] == "nearest") & (table["reference"] != "")]
    assert len(near) > 20
    assert (near["generated"] == near["reference"]).all()


def test_new_files_are_described(trained: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    saved = load_model(trained[0] / "run" / "checkpoints" / "best")
    predictions = predict_source(saved, trained[0] / "raw" / "00_0.png")
    (prediction,) = predictions
    assert prediction.described_from == ("image",)
    assert prediction.description
    assert set(prediction.findings) == {"bleed", "fracture"}
    show_predictions(predictions, Console())
    assert f"description, from image: {prediction.description}" in capsys.readouterr().out


def test_a_report_masked_or_cut_is_learned_so(trained: tuple[Path, str]) -> None:
    path = trained[0] / "tiny.yaml"
    config = resolve(read_config(path, ["data.reports={mask: [fall]}"]))
    store = open_store(config, Console(quiet=True))
    tokenizer = build_tokenizers(config, store, store.splits.rows("train"))[target_key("report")]
    words = tokenizer.words(range(tokenizer.vocabulary))
    assert "fall" not in words
    assert "history" in words
    assert len(tokenizer("history " * 20)) == 8


@pytest.mark.parametrize(
    ("heads", "problem"),
    [
        ({"describe": DESCRIBE}, "train.judge=studies: no study head answers for them; add study: study"),
        ({"describe": DESCRIBE, "slice": "slice"}, "model.heads.describe: no study head beside it; add study: study"),
        ({"study": "study", "a": DESCRIBE, "b": DESCRIBE}, "one of 2 heads that write"),
        ({"study": "study", "a": {**DESCRIBE, "text": "reprot"}}, "heads.a.text: no such text.*did you mean 'report'"),
    ],
)
def test_what_cannot_be_written_is_refused(trained: tuple[Path, str], tmp_path: Path, heads, problem) -> None:
    path = tmp_path / "c.yaml"
    path.write_text((trained[0] / "tiny.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    store = Store(next((trained[0] / "stores").iterdir()))
    with pytest.raises(UsageError, match=problem):
        text_heads(config_of(path, heads=heads), store)


def test_a_model_that_reads_the_text_that_it_writes_says_so(trained: tuple[Path, str], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", trained[0] / "raw", epochs=1)
    heads = {"study": "study", "describe": {**DESCRIBE, "sees": "everything", "text_too": True}}
    output = StringIO()
    console = Console(file=output, width=200)
    train(config_of(config, inputs=("image", "report"), heads=heads), name="c", console=console)
    aloud = " ".join(output.getvalue().split())
    assert "writes 'report' from image+report: it reads 'report' too, and what it is given it can copy" in aloud
    assert set(reports(tmp_path / "run" / "predictions" / "test_reports.csv")["shown"]) == {"image+report"}
