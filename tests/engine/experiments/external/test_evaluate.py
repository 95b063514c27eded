"""A run scored on a second cohort: names joined, nothing fitted anew, nobody scored who taught it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard
from layouts import cq500, rsna_ich
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.api.models import evaluate
from mmdx.cli import main
from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import write_ensemble
from mmdx.engine.experiments.external import evaluate as external
from mmdx.engine.experiments.external.second import SecondCohort
from mmdx.engine.experiments.run import train
from mmdx.engine.intake.prepare import StoreOptions, prepare_source
from mmdx.errors import DataError, UsageError

QUIET = Console(quiet=True)


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return int(ended.value.code or 0)


def prepare(root: Path, out: Path, *, size: int = 32) -> Store:
    return prepare_source(root, out, reader="folder", store=StoreOptions(size=size), console=QUIET)


def renamed(root: Path, **names: str | None) -> Path:
    """The table of a cohort with columns under other names, or without them."""
    table = root / "metadata.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    told = [{names.get(key, key): value for key, value in row.items() if names.get(key, key)} for row in rows]
    table.write_text("".join(json.dumps(row) + "\n" for row in told))
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort, a run on it (`run`), and a second cohort without reports and fractures (`theirs`)."""
    folder = tmp_path_factory.mktemp("external")
    config = write_config(folder / "tiny.yaml", write_cohort(folder / "raw"), epochs=1)
    train(resolve(read_config(config)), name="tiny", console=QUIET)
    second = renamed(
        write_cohort(folder / "second", patients=24, seed=7), bleed="ANY BLEED", fracture=None, report=None
    )
    prepare(second, folder / "theirs")
    return folder


@pytest.fixture(scope="module")
def scored(home: Path) -> Path:
    """What the command line leaves for the second cohort."""
    assert command("evaluate", home / "run", "--on", home / "theirs", "--map", "ANY BLEED=bleed") == 0
    return home / "run" / "external" / "theirs"


def test_every_study_is_scored_under_the_names_of_the_run(home, scored):
    rows = pd.read_csv(scored / "predictions" / "test.csv")
    assert set(zip(rows["finding"], rows["shown"], strict=True)) == {("bleed", "image")}
    theirs = Store(home / "theirs")
    labels = dict(zip(theirs.study_ids, theirs.labels[:, 0].tolist(), strict=True))
    assert dict(zip(rows["study_id"], rows["label"], strict=True)) == labels
    baselines = pd.read_csv(scored / "predictions" / "test_baselines.csv")
    assert set(baselines["shown"]) == {"constant", "metadata"}  # no TF-IDF of reports that nobody has
    trained = Store(json.loads((home / "run" / "environment.json").read_text())["store"]["folder"])
    split = pd.read_csv(home / "run" / "splits.csv").set_index("study_id")["split"]
    learned = [row for row, study in enumerate(trained.study_ids) if split[study] == "train"]
    share = trained.labels[learned, trained.findings.index("bleed")].mean()
    assert baselines.loc[baselines["shown"] == "constant", "score"].unique() == pytest.approx([share], abs=1e-6)


def test_thresholds_are_the_validation_scores_of_the_run(home, scored):
    kept, own = (path / "predictions" / "val.csv" for path in (scored, home / "run"))
    assert kept.read_bytes() == own.read_bytes()


def test_page_and_card_name_both_data_sets(home, scored):
    page = (scored / "compare" / "compare.md").read_text()
    assert "Data set: folder, store theirs; trained on another, folder raw, store folder-" in page
    text = (scored / "card.md").read_text()
    assert ModelCard(text).data.eval_results
    assert "scored on folder, store theirs, a second cohort" in text
    assert "'ANY BLEED' is the run's 'bleed'" in text.replace("\\", "")
    record = json.loads((scored / "predictions" / "evaluation.json").read_text())
    assert record["names"] == {"findings": {"bleed": "ANY BLEED"}, "modalities": {"image": "image"}}
    assert record["second"]["store"] == "theirs"
    assert json.loads((scored / "metrics.json").read_text())["studies"] == 24


def test_the_folder_can_be_compared_and_is_no_run(home, scored, problem, capsys):
    assert command("compare", scored, "--out", home / "again", "--resamples", "100") == 0
    capsys.readouterr()
    assert "neither a run folder" in problem("evaluate", scored, code=2)


def mapped(home: Path) -> SecondCohort:
    """The second cohort, with what it calls a bleed."""
    return SecondCohort(str(home / "theirs"), names={"ANY BLEED": "bleed"})


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page and no card: scores alone."""
    monkeypatch.setattr(external, "conclude_external", lambda *_: None)


def test_who_taught_the_run_is_left_out_and_its_test_studies_keep_their_scores(home, tmp_path, capsys, unwritten):
    own = json.loads((home / "run" / "environment.json").read_text())["store"]["folder"]
    rows = evaluate(home / "run", on=own, out=tmp_path / "own")
    said = " ".join(capsys.readouterr().err.split())
    assert "who also taught the run, found by image" in said
    before = pd.read_csv(home / "run" / "predictions" / "test.csv")
    assert set(rows["study_id"]) == set(before["study_id"])
    keys = ["study_id", "shown", "finding"]
    both = rows.merge(before, on=keys, suffixes=("", "_before"))
    assert len(both) == len(before)
    assert both["score"].tolist() == pytest.approx(both["score_before"].tolist(), abs=1e-6)


def test_an_ensemble_and_a_model_folder_without_its_store_are_scored(home, tmp_path, capsys, unwritten):
    best = home / "run" / "checkpoints" / "best"
    write_ensemble(tmp_path / "both", [best, best])
    other = prepare(write_cohort(tmp_path / "raw", patients=12, seed=9), tmp_path / "other")
    rows = evaluate(tmp_path / "both", on=other.folder, out=tmp_path / "scores")
    assert len(rows) == 12 * 2 * 3
    said = " ".join(capsys.readouterr().err.split())
    assert "a model folder alone, which does not say on what it was trained: baselines are left out" in said
    assert "no validation scores, so that there are no thresholds to carry over" in said
    assert not (tmp_path / "scores" / "predictions" / "test_baselines.csv").exists()
    alone = evaluate(best, on=other.folder, out=tmp_path / "alone", show=["image"])
    shown = rows[rows["shown"] == "image"]
    assert alone["score"].tolist() == pytest.approx(shown["score"].tolist(), abs=1e-6)


def test_a_cross_validation_answers_by_all_of_its_models_with_thresholds_out_of_fold(home, tmp_path, unwritten):
    run = tmp_path / "folds"
    best = home / "run" / "checkpoints" / "best"
    write_ensemble(run / "checkpoints" / "best", [best, best])
    shutil.copy(home / "run" / "environment.json", run)
    rows = pd.read_csv(home / "run" / "predictions" / "test.csv", dtype=str)
    (run / "predictions").mkdir()
    rows.assign(fold="0").to_csv(run / "predictions" / "test.csv", index=False)
    splits = pd.read_csv(home / "run" / "splits.csv")
    splits.assign(fold=0)[["study_id", "patient_id", "fold"]].to_csv(run / "folds.csv", index=False)
    scores = evaluate(run, on=mapped(home), out=tmp_path / "out")
    assert len(scores) == 24
    kept = pd.read_csv(tmp_path / "out" / "predictions" / "val.csv", dtype=str)
    assert kept["score"].tolist() == rows["score"].tolist()
    assert "fold" not in kept


def test_its_own_split_can_be_asked_for(home, tmp_path, unwritten):
    rows = evaluate(home / "run", on=mapped(home), split="test", out=tmp_path)
    theirs = Store(home / "theirs")
    assert set(rows["study_id"]) == {theirs.study_ids[row] for row in theirs.splits.rows("test")}


def test_what_cannot_be_scored_is_refused_in_a_line(home, tmp_path, problem):
    run, on, same = home / "run", ("--on", home / "theirs"), ("--map", "ANY BLEED=bleed")
    assert "say which are the same: --map" in problem("evaluate", run, *on, code=2)
    assert "did you mean 'ANY BLEED'?" in problem("evaluate", run, *on, "--map", "ANY BLED=bleed", code=2)
    assert "name it with --on" in problem("evaluate", run, *same, code=2)
    assert "holds a run" in problem("evaluate", run, *on, *same, "--out", run, code=2)
    best = run / "checkpoints" / "best"
    assert "give --out FOLDER" in problem("evaluate", best, *on, *same, code=2)
    prepare(home / "second", tmp_path / "small", size=16)
    line = problem("evaluate", run, "--on", tmp_path / "small", *same, code=1)
    assert "images of 16 pixels, and the run was trained on 32" in line


def test_a_showing_of_what_the_cohort_lacks_and_a_cohort_without_labels_are_refused(home, tmp_path):
    with pytest.raises(UsageError, match=r"--show report: no study of .* has 'report'"):
        evaluate(home / "run", on=mapped(home), show=["report"], out=tmp_path / "a")
    root = write_cohort(tmp_path / "raw", patients=12, seed=3)
    table = root / "metadata.jsonl"
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    splits = ["train", "val", *["test"] * 10]
    told = [row | {"fracture": None, "split": split} for row, split in zip(rows, splits, strict=True)]
    told = [row | ({"bleed": None} if row["split"] == "test" else {}) for row in told]
    table.write_text("".join(json.dumps(row) + "\n" for row in told))
    store = prepare(root, tmp_path / "blank")
    with pytest.raises(DataError, match="none of its 10 studies of its test split has a label of bleed"):
        evaluate(home / "run", on=store.folder, split="test", out=tmp_path / "b")


def test_an_rsna_model_on_cq500_is_one_command(tmp_path):
    for name, layout in (("rsna", rsna_ich), ("cq", cq500)):
        (tmp_path / name).mkdir()
        layout(tmp_path / name)
    image = {"encoder": "test_patches", "sequence": "mean"}
    data = {"reader": "rsna_ich", "source": str(tmp_path / "rsna"), "stores": str(tmp_path / "stores"), "size": 32}
    raw = {
        "data": data | {"findings": ["subdural", "any"]},
        "model": {"inputs": {"image": image}, "dim": 8, "heads": {"study": "study", "slice": "slice"}},
        "train": {"epochs": 1, "slices": 64, "studies": 6, "final": "best", "stack": False},
        "run": str(tmp_path / "run"),
        "plugins": ["patches"],
    }
    (tmp_path / "rsna.yaml").write_text(yaml.safe_dump(raw))
    train(resolve(read_config(tmp_path / "rsna.yaml")), name="rsna", console=QUIET)
    assert command("evaluate", tmp_path / "run", "--on", f"cq500:{tmp_path / 'cq'}") == 0
    (place,) = (tmp_path / "run" / "external").iterdir()
    rows = pd.read_csv(place / "predictions" / "test.csv")
    assert (len(rows), set(rows["finding"])) == (12 * 2, {"subdural", "any"})
    assert rows[rows["finding"] == "any"]["label"].sum() == 6
    slices = pd.read_csv(place / "predictions" / "test_slices.csv")
    assert (len(slices), slices["label"].notna().sum()) == (12 * 18 * 2, 0)
    assert "cq500 cq, store cq500-" in (place / "compare" / "compare.md").read_text()
