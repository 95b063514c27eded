"""The checklists: whole, each fact known, each filled cell with the key that it came from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_by_hand import write_compared, write_run

from mmdx.engine.reporting.checklists.table import FACTS, OPEN, read_checklists, write_reporting
from mmdx.files import EVALUATION, RunLayout, write_json


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
    claim, tripod, *_ = read_checklists()
    assert [item["item"] for item in claim["items"]] == [str(number) for number in range(1, 45)]
    items = [item["item"] for item in tripod["items"]]
    numbers = [int(item.rstrip("abcdefg")) for item in items]
    assert (len(items), len(set(items))) == (52, 52)
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(1, 28))


def test_stard_ai_has_its_forty_items_in_48_rows():
    stard = read_checklists()[2]
    items = [item["item"] for item in stard["items"]]
    parts = {"15": "abcd", "16": "abc", "17": "ab", "26": "ab", "40": "ab"}
    assert items == [f"{number}{part}" for number in range(1, 41) for part in parts.get(str(number), [""])]
    assert (stard["name"], len(items)) == ("STARD-AI", 48)


def test_probast_ai_asks_16_questions_of_development_and_18_of_evaluation():
    probast = read_checklists()[3]
    counts = {"D": (3, 4, 4, 5), "E": (3, 4, 4, 7)}
    items = [
        f"{part}{d}.{q}" for part, of in counts.items() for d, most in enumerate(of, 1) for q in range(1, most + 1)
    ]
    assert [item["item"] for item in probast["items"]] == items
    assert len(items) == 16 + 18
    # What a file shows is evidence: the answer and the judgement are left to people, everywhere.
    assert all(item["open"] for item in probast["items"])
    assert "No judgement is made here" in probast["title"]


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
        ("STARD-AI", "3 5 6 8 9 10 12 15d 16a 16b 17b 26a 27 29 32 34 35 36 37 38 39"),
        ("PROBAST+AI", "D1.2 D3.2 D3.4 E1.2 E3.2 E3.4"),
    ],
)
def test_of_a_whole_run_only_what_authors_alone_know_is_open(tmp_path: Path, checklist: str, open_items: str):
    found = answers(write_reporting(write_run(tmp_path), write_compared(tmp_path / "compared")), checklist)
    without_a_source = [item for item, cell in found.items() if " (" not in cell or "not looked at" in cell]
    assert without_a_source == open_items.split()


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    """A whole run of which an evaluation on a second cohort lies in its folder, whose name has a dot in it."""
    run = write_run(tmp_path)
    place = RunLayout(RunLayout(run).external / "there.v2")
    write_json(place.predictions / EVALUATION, {"run": str(run), "trained": {}})
    write_json(
        place.environment,
        {"store": {"reader": "dicom", "fingerprint": "cd", "studies": 40, "patients": 39, "quarantined": 0}},
    )
    auroc = {"metric": "auroc", "value": 0.8, "low": 0.7, "high": 0.9, "arm": "image"}
    write_json(
        place.metrics,
        {
            "rows": 36,
            "studies": 36,
            "patients": 35,
            "reference": "image",
            "primary_finding": "bleed",
            "estimates": [{**auroc, "finding": "bleed"}, {**auroc, "value": 0.6, "finding": None}],
            "findings": [{"finding": "bleed", "positives": 9, "known": 36, "unknown": 0}],
        },
    )
    write_json(place.folder / "compare" / "compare.json", {"sections": {"characteristics": [1], "flow": {"found": 40}}})
    return place.folder


def test_a_second_cohort_fills_cells_of_the_run(evaluated: Path):
    run = evaluated.parent.parent
    found = answers(write_reporting(run), "CLAIM")
    said = "on there.v2: 36 studies of 35 patients, AUROC for bleed 0.800 [0.700, 0.900]"
    said += " (external/there.v2/metrics.json: estimates)"
    assert found["33"] == f"{said}; any other: {OPEN}"
    assert said in answers(write_reporting(run), "TRIPOD+AI")["5a"]
    shift = answers(write_reporting(run), "STARD-AI")["29"]
    key = "external/there.v2/compare/compare.json: sections.characteristics"
    assert shift.startswith(f"there.v2: table 1 beside the studies that taught the run ({key})")


def test_an_evaluation_on_a_second_cohort_has_checklists_of_its_own(evaluated: Path):
    path = write_reporting(evaluated, evaluated / "compare", into=evaluated)
    assert path == evaluated / "reporting.md"
    assert "are files of `run`, the run that was evaluated" in path.read_text()
    found = answers(path, "CLAIM")
    assert found["7"].startswith(
        "a second cohort, of which nothing taught the model (predictions/evaluation.json: trained)"
    )
    assert "reader dicom (environment.json: store.reader)" in found["7"]
    assert found["32"] == "a second cohort: 36 studies of 35 patients (metrics.json: rows)"
    assert found["22"].startswith("image: ")  # the model is that of the run
    assert "flow of studies, in every format (compare.json: sections.flow)" in found["35"]
    # Where the run is gone, what only it says is open.
    record = evaluated / "predictions" / EVALUATION
    write_json(record, {"run": "gone", "trained": {}})
    assert answers(write_reporting(evaluated), "CLAIM")["22"] == OPEN


def test_the_figure_and_table_1_of_the_card_are_named(tmp_path: Path):
    run = write_run(tmp_path)
    (run / "figures").mkdir(exist_ok=True)
    (run / "figures" / "flow.svg").write_text("<svg/>")
    found = answers(write_reporting(run), "TRIPOD+AI")
    assert found["20a"].startswith("flow of studies, as a figure and in numbers (figures/flow.svg); ")
    assert found["20b"].startswith("table 1, by split and by finding, with standardized mean differences (card.md); ")


def test_the_primary_finding_leads_every_cell(tmp_path: Path):
    run = write_run(tmp_path)
    metrics = json.loads((run / "metrics.json").read_text())
    other = {**metrics["findings"][0], "finding": "aaa"}
    write_json(run / "metrics.json", metrics | {"findings": [other, *metrics["findings"]], "primary_finding": "bleed"})
    found = answers(write_reporting(run), "CLAIM")
    assert found["4"].startswith("primary finding bleed (config.yaml: data.primary); ")
    assert "positive among those tested: bleed 2 of 4, aaa 2 of 4" in found["21"]
