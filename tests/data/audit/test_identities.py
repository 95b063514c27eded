"""Patients, studies, series and images that stand twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cohorts
import numpy as np
from audited import picture, save, store_facts

from mmdx.data.audit.identities import check_identities, identical_pairs
from mmdx.data.audit.issues import verdict
from mmdx.data.audit.store_facts import StoreFacts, gather
from mmdx.data.store.store import Store

LABELS = {"bleed": [0.0, 1.0, 0.0, 1.0]}
SPLITS = ("train", "train", "test", "val")


def kinds(given: StoreFacts) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(found.kind, found.severity, found.rows) for found in check_identities(given)]


def test_a_clean_cohort_has_none() -> None:
    assert kinds(store_facts(labels=LABELS, splits=SPLITS)) == []


def test_patients_of_whom_nobody_told_are_a_warning_and_the_verdict() -> None:
    given = replace(store_facts(labels=LABELS, splits=SPLITS), patients_unknown=3)
    (issue,) = check_identities(given)
    assert (issue.kind, issue.severity) == ("patients", "warning")
    assert issue.sentence.startswith("patients unknown: leaks cannot be seen: nothing says whose 3 of 4 studies are")
    assert verdict([issue]) == "patients unknown: leaks cannot be seen; 1 warning (patients)"


def test_a_patient_in_two_splits() -> None:
    given = store_facts(labels=LABELS, splits=SPLITS, patients=["a", "b", "a", "c"], study_ids=["w", "x", "y", "z"])
    assert kinds(given) == [("same patient", "leak", ("w", "y"))]


def test_a_series_in_two_splits_and_one_within() -> None:
    given = store_facts(labels=LABELS, splits=SPLITS, series=["1", "1", None, None], study_ids=["w", "x", "y", "z"])
    assert kinds(given) == []
    given = store_facts(labels=LABELS, splits=SPLITS, series=["1", None, "2", "1"], study_ids=["w", "x", "y", "z"])
    assert kinds(given) == [("same series", "leak", ("w", "z"))]


def test_names_that_differ_in_writing_alone() -> None:
    given = store_facts(
        labels=LABELS, splits=SPLITS, patients=["P-007", "b", "p7", "c"], study_ids=["w", "x", "y", "z"]
    )
    assert kinds(given) == [("patient ids", "warning", ("w", "y"))]
    given = store_facts(
        labels=LABELS, splits=SPLITS, patients=["p1-1", "b", "p11", "c"], study_ids=["w", "x", "y", "z"]
    )
    assert kinds(given) == []


def store_of(tmp_path: Path, rows: list[tuple[str, str, list[int | None]]]) -> Store:
    """Studies by patient, split and seeds of their pictures; None is a black one."""
    table = []
    for index, (patient, split, seeds) in enumerate(rows):
        names = []
        for place, seed in enumerate(seeds):
            pixels = np.zeros((32, 32), np.uint8) if seed is None else picture(seed, 32)
            names.append(save(tmp_path / "raw" / f"{index}_{place}.png", pixels).name)
        own = {"study_id": f"s{index}", "patient_id": patient, "split": split, "file_names": names, "bleed": index % 2}
        table.append(own)
    cohorts.write_table(tmp_path / "raw", table)
    return cohorts.prepared(tmp_path / "raw", tmp_path / "out", size=32)


def test_identical_images_by_where_they_stand(tmp_path: Path) -> None:
    rows = [("a", "train", [1, 2]), ("b", "test", [3, 2]), ("c", "train", [1]), ("d", "val", [4]), ("d", "val", [4])]
    store = store_of(tmp_path, rows)
    given = gather(store, store.splits)
    assert identical_pairs(given) == {(0, 1): 1, (0, 2): 1}
    assert kinds(given) == [
        ("identical images", "leak", ("s0", "s1")),
        ("identical images", "warning", ("s0", "s2")),
        ("repeated images", "note", ("s3", "s4")),
    ]


def test_black_images_are_nobodys(tmp_path: Path) -> None:
    rows = [("a", "train", [1, None]), ("b", "test", [2, None]), ("c", "val", [3])]
    store = store_of(tmp_path, rows)
    assert kinds(gather(store, store.splits)) == []


def test_one_picture_as_two_modalities(tmp_path: Path) -> None:
    table = []
    for index, (clinic, derm) in enumerate([(1, 2), (3, 3), (None, None), (4, 5)]):
        row = {"study_id": f"s{index}", "patient_id": f"p{index}", "bleed": index % 2}
        for name, seed in (("clinic", clinic), ("derm", derm)):
            pixels = np.zeros((32, 32), np.uint8) if seed is None else picture(seed, 32)
            row[f"{name}_file_names"] = [save(tmp_path / "raw" / f"{index}_{name}.png", pixels).name]
        table.append(row)
    cohorts.write_table(tmp_path / "raw", table)
    store = cohorts.prepared(tmp_path / "raw", tmp_path / "out", size=32)
    (issue,) = check_identities(gather(store, store.splits))
    assert (issue.kind, issue.severity, issue.rows) == ("one picture twice", "warning", ("s1",))
    assert issue.sentence.startswith("1 study with one picture as clinic and as derm (s1)")
