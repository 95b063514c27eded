"""Nothing that tells who or when passes from a reader into a store."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cohorts
import numpy as np
import pytest
from pydicom.dataset import Dataset

from mmdx.cli import main
from mmdx.data.privacy.privacy import BURNED_IN, burned_in, notices, private, summary, telling
from mmdx.data.privacy.pseudonyms import Pseudonyms
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store
from mmdx.errors import DataError
from mmdx.schema import SplitOptions
from mmdx.study import Study

NAMES = Pseudonyms(b"sixteen bytes ok")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key").write_bytes(b"sixteen bytes ok")
    return tmp_path / "key"


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Twelve patients of a clinic that puts names everywhere; one image of the last cannot be read."""
    rows = []
    for i in range(12):
        name = f"Doe{i:02d} Jane"
        image = cohorts.write_png(tmp_path / "raw" / name / "CT 1.png", i)
        facts = {"patient_name": name, "birth_date": "1950-01-31", "study_date": f"2020-02-{1 + i:02d}", "age": 40 + i}
        row = {"study_id": f"{name}/1", "patient_id": name, "file_name": f"{name}/{image.name}", "bleed": i % 2}
        rows.append(row | facts | {"report": f"Dr. Roe saw her on {i + 1} March 2020." if i % 3 == 0 else "Fell."})
    rows.append(rows[0] | {"study_id": "Doe00 Jane/2", "study_date": "2020-03-01", "report": "Again."})
    (tmp_path / "raw" / "Doe11 Jane" / "CT 1.png").write_bytes(image.read_bytes()[:50])
    return cohorts.write_table(tmp_path / "raw", rows)


def written(out: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in out.iterdir() if path.suffix != ".lock")


def prepared(clinic: Path, out: Path, key: Path | None) -> tuple[Store, str]:
    console, said = cohorts.quiet()
    recipe = Recipe(cohorts.recipe(clinic).reader, clinic, 8, key)
    return prepare_store(recipe, out, SplitOptions(val=0.2, test=0.2), console), said.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patient_name", "x"),
        ("PatientName", "x"),
        ("Patient's Name", "x"),
        ("birth_date", 19500131.0),
        ("DOB", "x"),
        ("AccessionNumber", 7.0),
        ("home address", "x"),
        ("acquired", "2020-01-31"),
        ("acquired", 20200131.0),
        ("comment", "Dr. Roe"),
        ("reader", "RJS"),
    ],
)
def test_traits_that_tell_who_or_when(name: str, value: str | float) -> None:
    assert telling(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 45.0),
        ("day", 60.0),
        ("sex", "F"),
        ("model", "Discovery 750"),
        ("model_name", "CT-1"),
        ("site", "Basel"),
        ("survival_time", 1200.0),
        ("birth_weight", 3100.0),
        ("reader", 2.0),
        ("license", "CC BY-NC-SA"),
        ("log_odds/image+report/any", -1.25),
        ("doi", "10.1148/radiol.2020200230"),
    ],
)
def test_traits_that_do_not(name: str, value: str | float) -> None:
    assert not telling(name, value)


def test_a_trait_left_out_is_named(tmp_path: Path) -> None:
    study = Study("s", "p", {}, traits={"age": 4.0, "birth_date": "1950"}, problems=("Dr. Roe's file",))
    (kept,) = private([study], tmp_path, None)
    assert (kept.study_id, kept.patient_id, kept.traits) == ("s", "p", {"age": 4.0})
    assert kept.problems == (
        "[name] file",
        "left out the trait 'birth_date': it may tell who the patient is or when the study was",
    )
    assert notices(summary([kept, kept], None)) == [
        "left out the trait 'birth_date' of 2 studies: it may tell who the patient is or when the study was"
    ]


def test_a_store_without_a_key_keeps_ids_and_nothing_else_that_tells(clinic: Path, tmp_path: Path) -> None:
    store, said = prepared(clinic, tmp_path / "out", None)
    assert "Doe00 Jane/1" in store.study_ids
    assert [store.read(row).traits() for row in (0, store.study_ids.index("Doe00 Jane/2"))] == [
        {"age": 40.0, "day": 0.0},
        {"age": 40.0, "day": 29.0},
    ]
    everything = written(tmp_path / "out")
    assert "1950" not in everything
    assert "2020-0" not in everything
    assert "left out the trait 'birth_date' of 12 studies" in said
    assert "text that looks like an identifier in 4 of 12 reports: name 4, date 4" in said
    assert "Roe" not in said


def test_with_a_key_no_name_is_stored_or_said(clinic: Path, tmp_path: Path, key: Path) -> None:
    store, said = prepared(clinic, tmp_path / "out", key)
    everything = written(tmp_path / "out") + said
    assert "Doe" not in everything
    assert "Jane" not in everything
    assert "CT 1" not in everything
    assert key.read_text() not in everything
    assert NAMES.of("patient", "Doe00 Jane") in store.patient_ids
    assert NAMES.of("study", "Doe00 Jane/2") in store.study_ids
    with (tmp_path / "out" / "quarantine.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["study_id"] == NAMES.of("study", "Doe11 Jane/1")
    assert row["reason"].startswith(f"{NAMES.of_file('CT 1.png')}: ")


def test_the_key_is_known_by_its_fingerprint(clinic: Path, tmp_path: Path, key: Path) -> None:
    store, _ = prepared(clinic, tmp_path / "out", key)
    assert store.description["privacy"]["pseudonym_key"] == NAMES.fingerprint
    assert prepared(clinic, tmp_path / "out", key)[1].startswith(f"{tmp_path / 'out'}: up to date")
    key.write_bytes(b"another sixteen bytes")
    for other in (key, None):
        with pytest.raises(DataError, match="holds a store of other files or options"):
            prepared(clinic, tmp_path / "out", other)


def test_two_stores_of_one_key_can_be_joined(clinic: Path, tmp_path: Path, key: Path) -> None:
    one, _ = prepared(clinic, tmp_path / "one", key)
    (clinic / "metadata.jsonl").write_text("".join(reversed((clinic / "metadata.jsonl").open().readlines())))
    two, _ = prepared(clinic, tmp_path / "two", key)
    assert dict(zip(one.study_ids, one.patient_ids, strict=True)) == dict(
        zip(two.study_ids, two.patient_ids, strict=True)
    )


def test_with_a_key_an_error_quotes_no_cell(clinic: Path, tmp_path: Path, key: Path) -> None:
    rows = [json.loads(line) for line in (clinic / "metadata.jsonl").read_text().splitlines()]
    cohorts.write_table(clinic, [rows[0] | {"bleed": "Doe"}, *rows[1:]])
    with pytest.raises(DataError) as error:
        prepared(clinic, tmp_path / "out", key)
    assert "row 1, column 'bleed'" in str(error.value)
    assert "Doe" not in str(error.value)


def test_prepare_takes_the_key_as_an_option(clinic: Path, tmp_path: Path, key: Path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "folder", str(clinic), str(tmp_path / "out"), "size=8", f"pseudonym_key={key}", "val=0.2"])
    assert ended.value.code == 0
    assert "Doe" not in capsys.readouterr().err
    assert NAMES.of("patient", "Doe00 Jane") in Store(tmp_path / "out").patient_ids
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "folder", str(clinic), str(tmp_path / "more"), f"pseudonym_key={tmp_path / 'none'}"])
    assert ended.value.code == 2


def test_images_with_text_burned_in_are_counted() -> None:
    def header(**elements: str) -> Dataset:
        made = Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    capture = "1.2.840.10008.5.1.4.1.1.7.2"
    headers = [header(BurnedInAnnotation="YES"), header(Modality="US"), header(SOPClassUID=capture), header()]
    (sentence,) = burned_in(headers)
    assert (
        sentence == f"1 image(s) with BurnedInAnnotation YES and 2 ultrasound or secondary capture image(s) {BURNED_IN}"
    )
    assert burned_in([header(Modality="US", BurnedInAnnotation="NO"), header(Modality="CT")]) == []
    study = Study("s", "p", {}, problems=(sentence,))
    assert notices(summary([study], None)) == [f"images of 1 studies {BURNED_IN}"]


def test_a_dicom_tree_loses_its_identity(tmp_path: Path, key: Path) -> None:
    for i in range(8):
        study = f"1.2.840.99.{i}"
        cohorts.write_ct(
            tmp_path / "raw" / f"Doe{i}.dcm",
            np.full((4, 4), i),
            instance=1,
            study=study,
            series=f"{study}.1",
            patient=f"Doe{i}^J",
        )
    recipe = Recipe(cohorts.recipe(tmp_path / "raw", reader="dicom").reader, tmp_path / "raw", 8, key)
    store = prepare_store(recipe, tmp_path / "out", SplitOptions(val=0.2, test=0.2), cohorts.quiet()[0])
    assert NAMES.of("study", "1.2.840.99.3") in store.study_ids
    everything = written(tmp_path / "out")
    assert not any(told in everything for told in ("Doe", "1.2.840.99"))
