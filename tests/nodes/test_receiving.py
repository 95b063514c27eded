"""The listener as other applications meet it: who may send, what is kept, and what is refused by which status."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, write_exam
from pydicom.uid import BasicTextSRStorage
from senders import associated, sent, sent_by_dcmtk

from mmdx.data.own_folder import own_folder
from mmdx.errors import UsageError
from mmdx.nodes.arrival import DISCARDED
from mmdx.nodes.inbox import Bounds, Inbox
from mmdx.nodes.receiving import MOST_UNIT, Door, listening


@contextmanager
def opened(said: list[str], *, allowed: tuple[str, ...] = (), **bounds: int) -> Iterator[tuple[int, Inbox, Path]]:
    with own_folder("mmdx-test-") as folder:
        inbox = Inbox(folder, Bounds(quiet_for=0.0, **bounds))
        with listening(Door(port=0, allowed=allowed), inbox, said.append) as port:
            yield port, inbox, folder


def waited(for_it: Callable[[], object]) -> None:
    """Until another thread has done its part."""
    until = time.monotonic() + 20
    while not for_it():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("send", [sent, sent_by_dcmtk])
def test_a_study_arrives_as_it_was_sent(tmp_path: Path, send: Callable) -> None:
    files, said = write_exam(tmp_path), []
    with opened(said) as (port, inbox, folder):
        send(port, files)
        waited(lambda: not any(study.senders for study in inbox._open.values()))
        study = inbox.whole()
        assert study is not None
        came = [pydicom.dcmread(path) for path in study.images.values()]
        assert [file.PixelData for file in came] == [pydicom.dcmread(path).PixelData for path in files]
        assert str(came[0].PatientName) == NAME
        assert [path.name for path in folder.iterdir()] == ["1"]
    assert said == []
    assert not folder.exists()


def test_who_asks_whether_it_is_there_is_answered() -> None:
    with opened([]) as (port, _, _), associated(port, []) as association:
        assert association.send_c_echo().Status == 0


def test_others_than_those_that_are_named_and_who_calls_another_are_refused(tmp_path: Path) -> None:
    said: list[str] = []
    with opened(said, allowed=("SCANNER", "ROUTER")) as (port, _, _):
        for title, called in (("SCANNER", "MMDX"), ("ROUTER", "MMDX"), ("SPY", "MMDX"), ("SCANNER", "OTHER")):
            with associated(port, [], title=title, called=called) as association:
                assert association.is_established is (title != "SPY" and called == "MMDX")
        waited(lambda: len(said) == 2)
    assert said == [
        "refused: a connection from 127.0.0.1: 'SPY' is none of those that may send (--allow)",
        "refused: a connection from 127.0.0.1: it calls 'OTHER', and this is 'MMDX'",
    ]


def test_other_machines_are_let_in_by_name_alone() -> None:
    for host in ("0.0.0.0", "10.1.2.3", "::", "pacs.local"):
        with pytest.raises(UsageError, match=r"other machines can reach it; name the AE titles .*--allow AET"):
            Door(host)
        assert Door(host, allowed=["SCANNER"]).host == host
    assert [Door(host).allowed for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost")] == [()] * 4


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with opened([]) as (port, inbox, _), pytest.raises(UsageError, match=r"--port .*: cannot be taken") as refused:
        listening(Door(port=port), inbox, print).__enter__()
    assert len(refused.value.problems) == 1


def test_broken_files_have_a_status_and_one_line_without_a_name(tmp_path: Path) -> None:
    files, said = write_exam(tmp_path), []
    for path in files[:2]:
        file = pydicom.dcmread(path)
        file.PixelData = file.PixelData[:-8]
        file.save_as(path)
    file = pydicom.dcmread(files[2])
    del file.Rows
    file.save_as(files[2])
    with opened(said) as (port, _, folder):
        assert sent(port, files) == [0xC000, 0xC000, 0xA900]
        waited(lambda: len(said) == 2)
        assert not [path for path in folder.rglob("*") if path.is_file()]
    assert said == [
        "refused: 2 files of SCANNER: its pixels are cut short",
        "refused: 1 file of SCANNER: it is no image that can be read",
    ]


def test_no_room_is_told_by_its_status(tmp_path: Path) -> None:
    said: list[str] = []
    with opened(said, study_files=2) as (port, _, _):
        assert sent(port, write_exam(tmp_path)) == [0, 0, 0xA700]
        waited(lambda: said)
    assert said == ["refused: 1 file of SCANNER: no room is left"]


def test_a_unit_that_claims_any_length_is_not_waited_for() -> None:
    """A peer may claim up to 4 GiB before it has said who it is."""
    with opened([]) as (port, _, _), socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        peer.sendall(struct.pack(">BBL", 1, 0, MOST_UNIT + 1))
        assert peer.recv(1) == b""
        with associated(port, []) as association:
            assert association.send_c_echo().Status == 0


def test_a_file_that_never_ends_ends_where_its_room_does(tmp_path: Path) -> None:
    said: list[str] = []
    (file,) = write_exam(tmp_path)[:1]
    large = pydicom.dcmread(file)
    large.NumberOfFrames, large.PixelData = 4000, large.PixelData * 4000
    large.save_as(file)
    with opened(said, all_bytes=200_000) as (port, _, folder):
        with associated(port, [file]) as association:
            status = association.send_c_store(pydicom.dcmread(file))
        assert "Status" not in status
        waited(lambda: said)
        assert sum(path.stat().st_size for path in folder.rglob("*")) < 300_000
        with associated(port, []) as association:
            assert association.send_c_echo().Status == 0
    assert said == ["refused: 1 file of SCANNER: no room is left"]


def test_what_shows_no_image_is_taken_and_discarded(tmp_path: Path) -> None:
    """An archive sends the reports of a study with it; refused, many would send nothing more."""
    files, said = write_exam(tmp_path), []
    report = pydicom.dcmread(files[0])
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    del report.PixelData, report.Rows, report.Columns
    report.save_as(files[0])
    with opened(said) as (port, inbox, _):
        assert sent(port, files) == [DISCARDED, 0, 0]
        (study,) = inbox._open.values()
        assert (len(study.images), study.refused) == (2, {})
    assert said == []
