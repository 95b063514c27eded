"""`studies.csv`: facts for subgroups, and nothing that tells who or when."""

from __future__ import annotations

from pathlib import Path

import cohorts
import pandas as pd
import pytest

from mmdx.data.store.store import Store
from mmdx.engine.runs.studies import MOST_WORDS, write_labels, write_studies


def store_of(home: Path, *, count: int, **traits: object) -> Store:
    """Studies of one image, every third with a report; a trait is a function of the study's number."""
    rows = []
    for i in range(count):
        cohorts.write_png(home / "raw" / f"{i:03d}.png", 50)
        row = {"study_id": f"s{i:03d}", "patient_id": f"p{i // 2:03d}", "file_name": f"{i:03d}.png", "bleed": i % 2}
        facts = {name: of(i) for name, of in traits.items() if callable(of)}
        rows.append(row | {"report": "Fell." if i % 3 == 0 else ""} | facts)
    return cohorts.prepared(cohorts.write_table(home / "raw", rows), home / "store")


def test_facts_are_plain_and_what_is_missing_is_empty(tmp_path: Path):
    store = store_of(tmp_path, count=6, age=lambda i: 60 + i if i else "", sex=lambda i: "MF"[i % 2])
    assert write_studies(tmp_path / "studies.csv", store, "fold", [0, 0, 1, 1, 2, 2]) == []
    lines = (tmp_path / "studies.csv").read_text().splitlines()
    head = "study_id,patient_id,fold,number of images,order source of image,having a report"
    assert sorted(lines[0].split(",")) == sorted(f"{head},age,sex".split(","))
    table = pd.read_csv(tmp_path / "studies.csv", dtype=str, keep_default_na=False).set_index("study_id")
    assert table["age"].tolist() == ["", "61", "62", "63", "64", "65"]
    assert table.loc["s003", ["patient_id", "fold", "sex"]].tolist() == ["p001", "1", "F"]
    assert table["having a report"].tolist() == ["yes", "no", "no", "yes", "no", "no"]
    assert set(table["order source of image"]) == {"given"}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (lambda i: f"note {i % (MOST_WORDS + 1)}", f"free text of {MOST_WORDS + 1} values"),
        (lambda i: f"series {i}", "free text of 120 values"),
        (lambda i: 4_500_000 + i, "which may tell who a patient is or when a study was"),
        (lambda i: f"AB{i % 3} 12345678", "which may tell who a patient is or when a study was"),
        (lambda i: "seen by Dr. House" if i == 7 else "seen", None),
        (lambda i: "12.03.2020" if i == 7 else "unknown", None),
    ],
)
def test_what_may_tell_a_patient_is_left_out(tmp_path: Path, values: object, reason: str | None):
    """The last two never reach a store in the study that holds them; the column of the others is harmless."""
    lines = write_studies(tmp_path / "studies.csv", store_of(tmp_path, count=120, fact=values), "fold", [0] * 120)
    text = (tmp_path / "studies.csv").read_text()
    assert lines == ([f"studies.csv: without 'fact', {reason}"] if reason else [])
    assert ("fact" in text) == (reason is None)
    assert not any(part in text for part in ("12345678", "House", "2020", "4500000"))


def test_text_of_which_every_study_has_its_own_is_no_group(tmp_path: Path):
    lines = write_studies(
        tmp_path / "studies.csv", store_of(tmp_path, count=6, series=lambda i: f"CT {i}"), "fold", [0] * 6
    )
    assert lines == ["studies.csv: without 'series', of which no two studies share a value"]


def test_what_several_readers_said_is_kept_and_is_no_fact(tmp_path: Path):
    said = {"reading/R1/bleed": lambda i: i % 2, "reading/R2/bleed": lambda i: 1, "reading/R2/other": lambda i: 0}
    store = store_of(tmp_path, count=6, **said)
    assert list(store.findings) == ["bleed"]
    write_labels(tmp_path / "labels.csv", store, ["bleed"])
    lines = (tmp_path / "readings.csv").read_text().splitlines()
    assert lines[0] == "study_id,patient_id,reader,finding,label"
    assert lines[1:3] == ["s000,p000,R1,bleed,0", "s000,p000,R2,bleed,1"]
    assert len(lines) == 1 + 6 * 2
    write_studies(tmp_path / "studies.csv", store, "split", ["test"] * 6)
    assert "reading" not in (tmp_path / "studies.csv").read_text()
    write_labels(tmp_path / "labels.csv", store_of(tmp_path / "none", count=6), ["bleed"])
    assert not (tmp_path / "readings.csv").exists()


def test_labels_of_every_study_are_kept_apart_from_its_facts(tmp_path: Path):
    store = store_of(tmp_path, count=6)
    write_labels(tmp_path / "labels.csv", store, ["bleed", "fracture"])
    assert (
        tmp_path / "labels.csv"
    ).read_text() == "study_id,patient_id,bleed\ns000,p000,0\ns001,p000,1\ns002,p001,0\n" + (
        "s003,p001,1\ns004,p002,0\ns005,p002,1\n"
    )
