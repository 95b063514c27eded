from __future__ import annotations

import os

import pytest

from mmdx.data.readers.detect import detect_reader
from mmdx.errors import DataError

DICOM = b"\0" * 128 + b"DICM"


@pytest.mark.parametrize(
    ("files", "reader"),
    [
        ({"a/1.png": b"x"}, "folder"),
        ({"a/1.png": b"x", "a/scan": DICOM}, "dicom"),
        ({"a/1.dcm": b""}, "dicom"),
        ({"metadata.csv": b"", "a/scan": DICOM}, "folder"),
        ({"a/metadata.csv": b"", "a/scan": DICOM}, "dicom"),
    ],
)
def test_a_folder_with_dicom_files_and_no_table_of_its_own_is_dicom(tmp_path, files, reader) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert detect_reader(tmp_path).type == reader


def test_a_file_by_itself_counts_as_what_it_is(tmp_path) -> None:
    (tmp_path / "scan").write_bytes(DICOM)
    (tmp_path / "1.png").write_bytes(b"x")
    assert [detect_reader(tmp_path / name).type for name in ("scan", "1.png")] == ["dicom", "folder"]


def test_a_pipe_is_refused_and_one_among_the_files_is_passed_over(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    (tmp_path / "1.png").write_bytes(b"x")
    assert detect_reader(tmp_path).type == "folder"
    with pytest.raises(DataError, match="a pipe and no file"):
        detect_reader(tmp_path / "pipe.dcm")
