"""Training on some of the training patients: what the others must not touch."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.splits.splits import read_splits
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.cross_validation import deal_folds
from mmdx.engine.experiments.run import train
from mmdx.errors import DataError, UsageError

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny cohort, in which any two patients' reports have a word that no other has."""
    home = tmp_path_factory.mktemp("fewer")
    raw = write_cohort(home / "raw")
    rows = [json.loads(line) for line in (raw / "metadata.jsonl").read_text().splitlines()]
    for row in rows:
        others = [other["patient_id"] for other in rows if other is not row]
        row["report"] += "".join(f" word{min(row['patient_id'], one)}{max(row['patient_id'], one)}" for one in others)
    (raw / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return write_config(home / "a.yaml", raw, epochs=1)


def test_a_model_learns_from_the_patients_that_were_drawn_alone(config: Path):
    asked = resolve(read_config(config, ["data.train_patients=8"]))
    run = train(asked, name="a", console=QUIET).run.folder
    splits = read_splits(run / "splits.csv")
    trained_on = {study for study, split in splits.items() if split == "train"}
    assert [list(splits.values()).count(name) for name in ("train", "val", "test", "unused")] == [8, 5, 7, 16]
    words = (run / "checkpoints" / "best" / "tokenizers" / "report" / "tokenizer.json").read_text()
    known = {f"s{a:02d} s{b:02d}" for a, b in combinations(range(36), 2) if f"wordp{a:02d}p{b:02d}" in words}
    assert known == {f"{a} {b}" for a, b in combinations(sorted(trained_on), 2)}
    facts = json.loads((run / "checkpoints" / "best" / "model.json").read_text())
    positive = sum(int(study[1:]) % 2 for study in trained_on)
    assert facts["prevalence"]["study"][0] == pytest.approx(positive / 8)
    scored = {line.split(",")[0] for line in (run / "predictions" / "test.csv").read_text().splitlines()[1:]}
    assert scored == {study for study, split in splits.items() if split == "test"}
    assert "Trained on 8 patients; other training studies are `unused`" in (run / "card.md").read_text()


def test_the_others_are_told(config: Path, capsys: pytest.CaptureFixture[str]):
    asked = resolve(read_config(config, ["data.train_patients=8", f"run={config.parent / 'told'}"]))
    train(asked, name="a", console=Console())
    assert "studies: train 8, val 5, test 7, unused 16" in capsys.readouterr().out


def test_every_fold_is_drawn_from(config: Path):
    asked = resolve(read_config(config, ["data.train_patients=8", "data.folds.count=3"]))
    folds, dealt = deal_folds(asked, open_store(asked, QUIET))
    for fold, splits in enumerate(dealt):
        assert splits.count("train") == 8
        assert [split == "test" for split in splits] == [each == fold for each in folds]


def test_more_patients_than_there_are(config: Path):
    asked = resolve(read_config(config, ["data.train_patients=25"]))
    with pytest.raises(UsageError, match=r"data\.train_patients: 25, and there are 24 training patients"):
        deal(asked, open_store(asked, QUIET))


def test_a_draw_without_a_positive_is_refused_as_any_training_is(config: Path):
    alone = resolve(read_config(config, ["data.train_patients=1", "seed=1", f"run={config.parent / 'one'}"]))
    with pytest.raises(DataError, match=r"nothing to learn .* from.*train on more patients \(data\.train_patients\)"):
        train(alone, name="a", console=QUIET)
    assert not (config.parent / "one").exists()
