"""Files go to another application, and what it does not keep is told in one line each."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, write_exam
from pydicom.uid import SecondaryCaptureImageStorage
from senders import archive

from mmdx.errors import DataError
from mmdx.nodes.node import Node
from mmdx.nodes.sending import echo, store_files


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Of a class that the archive takes."""
    paths = write_exam(tmp_path)[:2]
    for path in paths:
        file = pydicom.dcmread(path)
        file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        file.save_as(path)
    return paths


def test_files_arrive_whole(files: list[Path]) -> None:
    with archive() as (address, kept):
        assert store_files(Node.parsed(address, "--to"), "MMDX", files) == []
        assert echo(Node.parsed(address, "--to"), "MMDX") == ""
    assert [(one.SOPInstanceUID, str(one.PatientName), one.PixelData) for one in kept] == [
        (one.SOPInstanceUID, NAME, one.PixelData) for one in map(pydicom.dcmread, files)
    ]


def test_a_warning_is_no_refusal_and_a_refusal_names_the_file_and_the_status(files: list[Path]) -> None:
    with archive(0xB000) as (address, _):
        assert store_files(Node.parsed(address, "--to"), "MMDX", files) == []
    with archive(0xA700) as (address, _):
        node = Node.parsed(address, "--to")
        assert store_files(node, "MMDX", files) == [
            f"{number}.dcm: ARCHIVE (127.0.0.1:{node.port}) refuses it (status A700)" for number in (1, 2)
        ]


def test_who_is_not_there_not_called_so_or_takes_no_such_file_is_told(tmp_path: Path, files: list[Path]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    node = Node("127.0.0.1", port, "ARCHIVE")
    with pytest.raises(DataError, match=rf"ARCHIVE \(127.0.0.1:{port}\) cannot be reached"):
        store_files(node, "MMDX", files)
    assert echo(node, "MMDX") == f"ARCHIVE (127.0.0.1:{port}) cannot be reached"
    with archive() as (address, kept):
        port = Node.parsed(address, "--to").port
        with pytest.raises(DataError, match="refuses the connection: is it called so, and does it know 'MMDX'"):
            store_files(Node("127.0.0.1", port, "OTHER"), "MMDX", files)
        images = write_exam(tmp_path / "ct")
        with pytest.raises(DataError, match="takes no such files"):
            store_files(Node.parsed(address, "--to"), "MMDX", images)
        mixed = store_files(Node.parsed(address, "--to"), "MMDX", [*files, images[2]])
        assert mixed == [f"3.dcm: ARCHIVE (127.0.0.1:{port}) takes no such file"]
        assert len(kept) == 2


def test_what_is_no_dicom_file_is_not_sent(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "text.dcm").write_text("no file of DICOM")
    with archive() as (address, kept):
        with pytest.raises(DataError, match=r"text.dcm: not a DICOM file"):
            store_files(Node.parsed(address, "--to"), "MMDX", [*files, tmp_path / "text.dcm"])
        shutil.copy(files[0], tmp_path / "text.dcm")
        assert kept == []
