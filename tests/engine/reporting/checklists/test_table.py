"""The checklists: whole, each fact known, each filled cell with the key that it came from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_by_hand import write_compared, write_run

from mmdx.engine.reporting.checklists.table import FACTS, OPEN, read_checklists, write_reporting


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a reader needs of a run: two of its files, written by hand."""
    store = {
        "reader": "folder",
        "fingerprint": "ab12",
        "studies": 36,
        "patients": 30,
        "quarantined": 4,
        "folder": "gone",
    }
    environment = {"store": store, "packages": {"mmdx": "1.0", "torch": None}, "python": "3.11"}
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    rows = ["study_id,patient_id,split", "a,p,train", "b,p,train", "c,q,val", "d,r,test"]
    (tmp_path / "splits.csv").write_text("\n".join(rows))
    return tmp_path


def answers(path: Path, checklist: str) -> dict[str, str]:
    text = path.read_text().split(f"## {checklist}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    return {row[0]: row[3] for row in rows}


def test_every_item_stands_once():
    claim, tripod = read_checklists()
    assert [item["item"] for item in claim["items"]] == [str(number) for number in range(1, 45)]
    items = [item["item"] for item in tripod["items"]]
    numbers = [int(item.rstrip("abcdefg")) for item in items]
    assert (len(items), len(set(items))) == (52, 52)
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(1, 28))


def test_every_fact_is_known_and_asked_for():
    asked = {name for checklist in read_checklists() for item in checklist["items"] for name in item["facts"]}
    assert asked == set(FACTS)


def test_it_is_written_without_torch():
    told = "import sys, mmdx.engine.reporting.checklists.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told]).returncode == 0


def test_an_item_without_facts_is_left_to_the_authors():
    for checklist in read_checklists():
        assert all(item["facts"] or item["open"] for item in checklist["items"])


def test_cells_name_their_key_and_the_rest_is_left_open(run: Path):
    found = answers(write_reporting(run), "CLAIM")
    assert found["8"] == (
        "36 studies of 30 patients (environment.json: store.studies); 10.0 % could not be read (environment.json: "
        f"store.quarantined); criteria before the data came here: {OPEN}"
    )
    assert found["20"] == "the patient: none in two parts (splits.csv: patient_id)"
    assert found["23"] == "mmdx 1.0 (environment.json: packages); Python 3.11 (environment.json: python)"
    assert (
        found["19"]
        == "studies by split: train 2 of 1 patients, val 1 of 1 patients, test 1 of 1 patients (splits.csv: split)"
    )
    assert found["44"] == found["22"] == OPEN
    assert found["37"] == "calibration: not looked at yet (mmdx compare)"


def test_a_comparison_fills_what_it_found(run: Path, tmp_path: Path):
    compared = tmp_path / "compared"
    compared.mkdir()
    record = {"subgroups": [{"trait": "sex"}], "reliability": [1, 2], "confusion": None}
    (compared / "compare.json").write_text(json.dumps({"sections": record}))
    found = answers(write_reporting(run, compared), "TRIPOD+AI")
    assert found["23b"] == "subgroups: in the comparison (compare.json: sections.subgroups)"
    assert "calibration: in the comparison (compare.json: sections.reliability)" in found["12e"]
    assert found["15"] == "thresholds: not looked at yet (mmdx compare)"


def test_of_a_cross_validation_the_folds_are_told(run: Path):
    (run / "splits.csv").unlink()
    (run / "folds.csv").write_text("study_id,patient_id,fold\na,p,0\nb,q,1\nc,q,1\n")
    (run / "fold-0").mkdir()
    (run / "fold-0" / "log.jsonl").write_text('{"epoch": 1, "val_auroc": 0.6}\n{"epoch": 2, "val_auroc": 0.5}\n')
    found = answers(write_reporting(run), "CLAIM")
    assert found["19"] == "studies by fold: 0 1 of 1 patients, 1 2 of 1 patients (folds.csv: fold)"
    assert found["27"] == "none: one model per fold, each study scored by one (folds.csv: fold)"
    assert found["26"] == "epoch 1, 0.600 (log.jsonl: val_auroc)"


@pytest.mark.parametrize(
    ("checklist", "open_items"),
    [
        ("CLAIM", "3 5 6 15 17 18 31 33 34 41 44"),
        ("TRIPOD+AI", "3a 3b 3c 5b 6a 6c 8b 8c 9c 12f 17 18a 18b 18c 18d 19 24 25 27b 27c"),
    ],
)
def test_of_a_whole_run_only_what_authors_alone_know_is_open(tmp_path: Path, checklist: str, open_items: str):
    found = answers(write_reporting(write_run(tmp_path), write_compared(tmp_path / "compared")), checklist)
    without_a_source = [item for item, cell in found.items() if " (" not in cell or "not looked at" in cell]
    assert without_a_source == open_items.split()
