"""Bad input ends in a line that says what was found and where, and exit code 1 (data) or 2 (call); no traceback."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import cohorts
import pytest

from mmdx.cli import main
from mmdx.data import readers
from mmdx.registry import READERS

readers.register_all()
SHIPPED = [name for name in READERS.names() if name != "phantom"]
"""Readers of files that somebody else made."""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return cohorts.folder_cohort(tmp_path / "raw", studies=8)


def csv(root: Path, *lines: str) -> Path:
    for path in root.glob("metadata.*"):
        path.unlink()
    (root / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


ROWS = [f"s{i},p{i},0{i}_0.png,{i % 2}" for i in range(8)]


@pytest.mark.parametrize(
    ("place", "row", "said"),
    [
        (3, "s3,p3,03_0.png,2", r"metadata.csv, row 5, column 'bleed': label is '2'; use 1, 0 or leave it empty"),
        (3, "s3,p3,03_0.png,yes", r"metadata.csv, row 5, column 'bleed': label is 'yes'"),
        (3, "s3,p3,03_0.png,-1", r"metadata.csv, row 5, column 'bleed': label is '-1'"),
        (3, "s3,p3,03_0.png", r"metadata.csv, row 5: 3 cells under 4 columns"),
        (3, "s2,p3,03_0.png,0", r"metadata.csv, row 5: study 's2' has a row already"),
        (3, "s3,,03_0.png,0", r"metadata.csv, row 5, column 'patient_id': is empty"),
    ],
)
def test_a_bad_row(raw: Path, tmp_path: Path, problem: Any, place: int, row: str, said: str) -> None:
    lines = [row if i == place else line for i, line in enumerate(ROWS)]
    csv(raw, "study_id,patient_id,file_name,bleed", *lines)
    assert re.search(said, problem("prepare", "folder", raw, tmp_path / "out", "size=8", code=1))
    assert not (tmp_path / "out").exists()


def test_a_missing_column(raw: Path, tmp_path: Path, problem: Any) -> None:
    line = problem("prepare", "folder", raw, tmp_path / "out", "findings=[bleeding]", code=1)
    assert "metadata.jsonl: no column 'bleeding'; did you mean 'bleed'?" in line


def test_a_table_that_is_no_table(raw: Path, tmp_path: Path, problem: Any) -> None:
    (raw / "metadata.jsonl").write_bytes(b"\xff\xfe\x00")
    assert "metadata.jsonl: not UTF-8" in problem("prepare", "folder", raw, tmp_path / "out", code=1)


def test_one_study_of_two_patients(tmp_path: Path, problem: Any) -> None:
    rows = [{"study_id": "s1", "patient_id": f"p{i}", "report": "Fell."} for i in range(2)]
    line = problem("prepare", "folder", cohorts.write_table(tmp_path / "raw", rows), tmp_path / "out", code=1)
    assert "'s1'" in line


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "deep/../../secret.png"])
def test_a_path_that_leaves_the_root_is_quarantined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    cohorts.write_png(tmp_path / "secret.png", 9)
    rows = [{"study_id": f"s{i}", "report": "Fell."} for i in range(6)]
    raw = cohorts.write_table(tmp_path / "raw", [*rows, {"study_id": "thief", "file_name": name, "report": "Fell."}])
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "folder", str(raw), str(tmp_path / "out"), "size=8"])
    first, stored, *rest = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 0
    assert first.startswith("quarantined: thief: metadata.jsonl, row 7, column 'file_name':")
    assert f"'{name}'" in first
    assert stored.endswith("1 quarantined")
    assert rest == [
        "patients unknown: leaks cannot be seen: 6 of 6 studies count as a patient each",
        "no finding: nothing to learn or score",
    ]


@pytest.mark.parametrize("content", [b"", b"no image", "half"])
def test_images_that_cannot_be_read(tmp_path: Path, problem: Any, content: bytes | str) -> None:
    for study in "abcd":
        png = cohorts.write_png(tmp_path / "raw" / study / "1.png", 9, side=64)
        png.write_bytes(content if isinstance(content, bytes) else png.read_bytes()[:60])
    line = problem("prepare", "folder", tmp_path / "raw", tmp_path / "out", code=1)
    assert "none of 4 studies could be read; quarantine.csv says why: a/1.png: " in line
    assert (tmp_path / "out" / "quarantine.csv").read_text(encoding="utf-8").count("1.png") == 4


@pytest.mark.parametrize("patients", [1, 2])
def test_too_few_patients_for_three_splits(tmp_path: Path, problem: Any, patients: int) -> None:
    raw = cohorts.folder_cohort(tmp_path / "raw", studies=patients)
    assert "no patient in " in problem("prepare", "folder", raw, tmp_path / "out", code=1)


def test_a_patient_given_two_splits(tmp_path: Path, problem: Any) -> None:
    rows = [{"study_id": f"s{i}", "patient_id": f"p{i // 2}", "report": "Fell."} for i in range(8)]
    rows = [row | {"split": "test" if i == 0 else "train"} for i, row in enumerate(rows)]
    raw = cohorts.write_table(tmp_path / "raw", rows)
    line = problem("prepare", "folder", raw, tmp_path / "out", code=1)
    assert "patient 'p0' is in 2 splits: test (study 's0'), train (study 's1')" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fodler", "RAW", "OUT"], "no reader is called 'fodler'; did you mean 'folder'?"),
        (["folder", "RAW", "OUT", "modalty=ct"], "modalty: unknown key; did you mean 'modality'?"),
        (["folder", "RAW", "OUT", "modality"], "'modality': an override is key=value"),
        (["folder", "RAW", "OUT", "size=big"], "size=big: the side of a stored image"),
        (["folder", "RAW", "OUT", "size=4"], "size=4: the side of a stored image"),
        (["folder", "RAW", "OUT", "size=true"], "size=True: the side of a stored image"),
        (["folder", "RAW", "OUT", "val=2"], "val: 2: input should be less than 1"),
        (["folder", "RAW", "OUT", "val=0.5", "test=0.6"], "val + test is 1.1"),
        (["folder", "RAW", "OUT", "size=[8"], "the value is not YAML"),
        (["folder", "RAW", "RAW/store"], "lies within the raw files"),
        (["folder", "RAW"], "Missing argument"),
        (["folder", "RAW", "OUT", "--size", "8"], "No such option"),
    ],
)
def test_a_bad_call(raw: Path, tmp_path: Path, problem: Any, arguments: list[str], said: str) -> None:
    places = [a.replace("RAW", str(raw)).replace("OUT", str(tmp_path / "out")) for a in arguments]
    assert said in problem("prepare", *places, code=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reader", SHIPPED)
def test_a_source_that_is_not_there(tmp_path: Path, problem: Any, reader: str) -> None:
    line = problem("prepare", reader, tmp_path / "none", tmp_path / "out", code=1)
    assert str(tmp_path / "none") in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reader", SHIPPED)
def test_a_source_without_anything(tmp_path: Path, problem: Any, reader: str) -> None:
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in problem("prepare", reader, tmp_path / "empty", tmp_path / "out", code=1)


def test_inspect_of_an_empty_folder(tmp_path: Path, problem: Any) -> None:
    assert f"{tmp_path}: no image in it" in problem("inspect", tmp_path, code=1)


def test_inspect_of_nothing(tmp_path: Path, problem: Any) -> None:
    assert f"{tmp_path / 'none'}: no such file or folder" in problem("inspect", tmp_path / "none", code=2)


def test_inspect_with_a_reader_that_is_not_there(raw: Path, problem: Any) -> None:
    assert "--reader: no reader is called 'dicon'; did you mean 'dicom'?" in problem(
        "inspect", raw, "--reader", "dicon", code=2
    )


def test_inspect_into_a_file_that_cannot_be_written(raw: Path, tmp_path: Path, problem: Any) -> None:
    place = tmp_path / "none" / "rows.json"
    assert f"--json {place}: cannot be written" in problem("inspect", raw, "--json", place, code=2)


def test_inspect_of_what_cannot_be_read_has_its_row_and_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohorts.write_png(tmp_path / "a" / "1.png", 9)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.png").write_bytes(b"")
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", str(tmp_path)])
    said = capsys.readouterr()
    assert stopped.value.code == 1
    assert said.err == f"{tmp_path}, reader 'folder'\n"
    assert said.out.splitlines()[2].split() == ["b", "refused"]
    assert said.out.splitlines()[-2:] == [
        "studies 2 · patients 2 · images 1 · order filename 1 · refused 1",
        "patients unknown: leaks cannot be seen; 2 studies count as a patient each (patient_id)",
    ]


def test_a_run_that_is_not_there(tmp_path: Path, problem: Any) -> None:
    assert str(tmp_path / "none") in problem("predict", tmp_path / "none", tmp_path, code=2)


def test_a_store_that_is_not_there(tmp_path: Path, problem: Any) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        f"data: {{store: {tmp_path / 'none'}}}\nmodel: {{inputs: {{image: {{encoder: timm}}}}}}\n", encoding="utf-8"
    )
    assert "none: not a finished store; make one with mmdx prepare" in problem("train", config, code=1)


def test_a_zip_is_not_a_folder_of_studies(tmp_path: Path, problem: Any) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("1.png", b"")
    line = problem("prepare", "folder", tmp_path / "a.zip", tmp_path / "out", code=1)
    assert "a.zip: neither DICOM nor an image of a known format" in line
