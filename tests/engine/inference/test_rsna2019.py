"""Slice predictions go back to the files that they are of, a row each; whatever has no score is counted."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from challenge import TYPES, label, write_challenge

from mmdx.data.readers.rsna_ich import read
from mmdx.engine.inference.rsna2019 import write_submission
from mmdx.errors import DataError, UsageError
from mmdx.study import ImageFiles

FIRST, SECOND = "1.2.1", "1.2.2"
SCRIPT = Path(__file__).parents[3] / "scripts" / "rsna_submission.py"


@pytest.fixture
def root(tmp_path):
    return write_challenge(tmp_path / "src", {FIRST: ["ID_c2", "ID_a1", "ID_b3"], SECOND: ["ID_d4", "ID_e1"]})


def perfect(root, *, part="train"):
    """Prediction rows whose scores are the labels of `write_challenge`."""
    rows = []
    for study in read(root, part=part):
        files = study.modalities.get("image")
        refs = files.images if isinstance(files, ImageFiles) else ()
        rows += [
            [study.study_id, study.patient_id, "image", f, "", label(ref.path.stem, f), "image:position", index]
            for index, ref in enumerate(refs)
            for f in TYPES
        ]
    return rows


def write(path, rows, *, columns="study_id,patient_id,shown,finding,label,score,order_source,slice"):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows([row[: len(columns.split(","))] for row in rows])
    return path


def submission(path):
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["ID", "Label"]
    assert len({name for name, _ in rows}) == len(rows)
    return {name: float(score) for name, score in rows}


def test_perfect_predictions_give_the_label_table_back(root, tmp_path):
    out = tmp_path / "out.csv"
    coverage = write_submission(write(tmp_path / "test_slices.csv", perfect(root)), root, out, part="train")
    assert out.read_text() == (root / "stage_2_train.csv").read_text()
    assert (coverage.rows, coverage.scored, coverage.by_study, coverage.by_all) == (30, 5, (), ())
    assert coverage.lines() == ["5 images, 30 rows; 5 images have scores of their own"]


def test_rows_that_stand_twice_come_once(root, tmp_path):
    before = (root / "stage_2_train.csv").read_text()
    with (root / "stage_2_train.csv").open("a") as file:
        file.write("ID_a1_any,1\n")
    write_submission(write(tmp_path / "p.csv", perfect(root)), root, tmp_path / "out.csv", part="train")
    assert (tmp_path / "out.csv").read_text() == before


def test_the_rows_of_the_sample_are_answered_in_their_order(tmp_path):
    root = write_challenge(tmp_path / "src", {FIRST: ["ID_b1", "ID_a2"]}, part="test")
    sample = root / "stage_2_sample_submission.csv"
    header, *lines = sample.read_text().splitlines()
    sample.write_text("\n".join([header, *lines[::-1]]) + "\n")
    write_submission(write(tmp_path / "p.csv", perfect(root, part="test")), root, tmp_path / "out.csv")
    answered = (tmp_path / "out.csv").read_text().splitlines()
    assert answered[1:3] == ["ID_a2_any,0", "ID_a2_subdural,0"]
    assert [row.rpartition(",")[0] for row in answered[1:]] == [row.rpartition(",")[0] for row in lines[::-1]]


def test_images_without_a_score_take_a_mean_and_are_counted(root, tmp_path):
    cut = root / "stage_2_train" / "ID_c2.dcm"
    cut.write_bytes(cut.read_bytes()[:-2])
    (root / "stage_2_train" / "ID_d4.dcm").write_bytes(b"junk")
    with (root / "stage_2_train.csv").open("a") as file:
        file.write("ID_f6_any,0\n")
    coverage = write_submission(write(tmp_path / "p.csv", perfect(root)), root, tmp_path / "out.csv", part="train")
    scores = submission(tmp_path / "out.csv")
    assert (scores["ID_a1_any"], scores["ID_b3_any"], scores["ID_e1_any"]) == (1, 0, 1)
    assert (scores["ID_c2_any"], scores["ID_c2_epidural"]) == (0.5, 0)
    assert scores["ID_d4_any"] == scores["ID_f6_any"] == pytest.approx(2 / 3, abs=1e-6)
    assert coverage.lines() == [
        "6 images, 31 rows; 3 images have scores of their own",
        "1 images were kept out of their study and take the mean of its slices (ID_c2)",
        "2 images are unreadable or of no scored study and take the mean of all slices (ID_d4, ID_f6)",
    ]


def test_studies_of_no_score_and_scores_of_no_study(root, tmp_path):
    rows = [row for row in perfect(root) if row[0] == FIRST]
    rows += [["9.9", "p", "image", f, "", 1, "", 0] for f in TYPES]
    coverage = write_submission(write(tmp_path / "p.csv", rows), root, tmp_path / "out.csv", part="train")
    assert (coverage.by_all, coverage.strangers) == (("ID_d4", "ID_e1"), ("9.9",))
    assert submission(tmp_path / "out.csv")["ID_e1_any"] == pytest.approx(1 / 3, abs=1e-6)


def test_one_of_several_showings_is_chosen(root, tmp_path):
    rows = perfect(root)
    rows += [[*row[:2], "image+report", *row[3:5], 0.25, *row[6:]] for row in rows]
    path = write(tmp_path / "p.csv", rows)
    with pytest.raises(UsageError, match=r"2 showings; choose one with --shown: image, image\+report"):
        write_submission(path, root, tmp_path / "out.csv", part="train")
    with pytest.raises(UsageError, match=r"--shown imge: not in .* did you mean 'image'"):
        write_submission(path, root, tmp_path / "out.csv", part="train", shown="imge")
    write_submission(path, root, tmp_path / "out.csv", part="train", shown="image+report")
    assert set(submission(tmp_path / "out.csv").values()) == {0.25}


def test_what_mmdx_predict_leaves_is_read_too(root, tmp_path):
    results = [
        {"study_id": FIRST, "shown": "image", "slices": {f: [0, label("ID_a1", f), 0] for f in TYPES}},
        {"study_id": SECOND, "shown": "image", "slices": {f: [0, label("ID_e1", f)] for f in TYPES}},
    ]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(results))
    write_submission(path, root, tmp_path / "out.csv", part="train")
    assert (tmp_path / "out.csv").read_text() == (root / "stage_2_train.csv").read_text()
    path.write_text(json.dumps([{"study_id": FIRST, "shown": "image", "findings": {"any": 1}}]))
    with pytest.raises(DataError, match="no scores of slices; the model needs a head 'slice'"):
        write_submission(path, root, tmp_path / "out.csv", part="train")
    path.write_text("{}[")
    with pytest.raises(DataError, match=r"predictions\.json: cannot be read as JSON .*; write it again"):
        write_submission(path, root, tmp_path / "out.csv", part="train")


def refusals():
    return {
        "no scores of 'any'": lambda rows: [row for row in rows if row[3] != "any"],
        "none of its 1 studies is among the images": lambda rows: [["9", *row[1:]] for row in rows if row[0] == SECOND],
        f"2 slices of study '{FIRST}', which has 3 .1 such studies.": lambda rows: [
            row for row in rows if (row[0], row[7]) != (FIRST, 2)
        ],
        f"study '{SECOND}' lacks slices from 0 to 0, or findings": lambda rows: [
            row for row in rows if (row[0], row[7]) != (SECOND, 0)
        ],
    }


@pytest.mark.parametrize("problem", refusals())
def test_predictions_that_do_not_fit_are_refused(root, tmp_path, problem):
    path = write(tmp_path / "p.csv", refusals()[problem](perfect(root)))
    with pytest.raises(DataError, match=problem):
        write_submission(path, root, tmp_path / "out.csv", part="train")
    assert not (tmp_path / "out.csv").exists()


def test_study_scores_alone_are_refused(root, tmp_path):
    rows = [row for row in perfect(root) if row[7] == 0]
    path = write(tmp_path / "p.csv", rows, columns="study_id,patient_id,shown,finding,label,score")
    with pytest.raises(DataError, match="has no column 'slice'"):
        write_submission(path, root, tmp_path / "out.csv", part="train")


def test_the_script(root, tmp_path):
    path, out = write(tmp_path / "p.csv", perfect(root)), tmp_path / "out.csv"
    command = [sys.executable, str(SCRIPT), str(path), str(root), str(out)]
    done = subprocess.run([*command, "--part", "train"], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{out}:", "5 images, 30 rows; 5 images have scores of their own"]
    assert out.read_text() == (root / "stage_2_train.csv").read_text()
    done = subprocess.run(command, text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (1, "")
    missing = root / "stage_2_sample_submission.csv"
    assert done.stderr == f"rsna_submission: {missing}: no such table; put it there or correct the path\n"
