"""Studies as they are received: when they are whole, what no room is found for, and where their files lie."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from handed_over import STUDY, write_exam

from mmdx.nodes import inbox as module
from mmdx.nodes.arrival import NO_ROOM, NOT_OF_ITS_CLASS, Arrival, Unfit
from mmdx.nodes.inbox import PATIENCE, Bounds, Inbox, Received


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_exam(tmp_path / "exam")


def opened(tmp_path: Path, clock: Clock, **bounds) -> Inbox:
    folder = tmp_path / "private"
    folder.mkdir()
    return Inbox(folder, replace(Bounds(quiet_for=10.0), **bounds), clock)


def put(inbox: Inbox, file: Path, sender: str = "one", **told) -> None:
    """As a file that has just come: it lies in the private folder."""
    inbox.take(Path(shutil.copy(file, inbox._folder / "tmp.dcm")), sender, **told)


def taken(inbox: Inbox) -> Received:
    study = inbox.whole()
    assert study is not None
    return study


def test_a_study_is_whole_when_nothing_more_of_it_came(tmp_path: Path, clock: Clock, files: list[Path]) -> None:
    inbox = opened(tmp_path, clock)
    put(inbox, files[0])
    clock.now = 9.0
    put(inbox, files[1])
    inbox.ended("one")
    clock.now = 18.9
    assert inbox.whole() is None
    clock.now = 19.0
    study = taken(inbox)
    assert (study.number, len(study.images), inbox.whole(), inbox.waiting) == (1, 2, None, 0)
    assert {path.read_bytes() for path in study.folder.iterdir()} == {file.read_bytes() for file in files[:2]}


def test_while_a_connection_is_open_more_is_waited_for_but_not_for_ever(
    tmp_path: Path, clock: Clock, files: list[Path]
) -> None:
    inbox = opened(tmp_path, clock)
    put(inbox, files[0])
    clock.now = 10.0 * PATIENCE - 1
    assert inbox.whole() is None
    clock.now = 10.0 * PATIENCE
    assert inbox.whole() is not None


def test_nothing_that_a_peer_sends_is_part_of_a_path(tmp_path: Path, clock: Clock) -> None:
    inbox = opened(tmp_path, clock)
    (file,) = write_exam(tmp_path / "exam")[:1]
    odd = pydicom.dcmread(file)
    odd.StudyInstanceUID = odd.SOPInstanceUID = "../../../evil"
    odd.file_meta.MediaStorageSOPInstanceUID = "../../../evil"
    odd.save_as(file)
    put(inbox, file)
    inbox.ended("one")
    clock.now = 10.0
    study = taken(inbox)
    assert [path.relative_to(tmp_path / "private").as_posix() for path in study.folder.iterdir()] == ["1/1.dcm"]
    assert stat.S_IMODE(study.folder.stat().st_mode) == 0o700
    assert list(tmp_path.parent.rglob("evil*")) == []


def test_an_image_that_comes_again_counts_once(tmp_path: Path, clock: Clock, files: list[Path]) -> None:
    size = files[0].stat().st_size
    inbox = opened(tmp_path, clock, study_bytes=size)
    put(inbox, files[0])
    put(inbox, files[0])
    inbox.ended("one")
    clock.now = 10.0
    study = taken(inbox)
    assert (len(study.images), study.size, study.spoiled) == (1, size, "")


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({"study_bytes": 2000}, "has more than"),
        ({"study_files": 2}, "has more than 2 images"),
        ({"all_bytes": 2500}, "of studies were held already"),
    ],
)
def test_a_study_that_finds_no_room_is_not_answered_and_leaves_none_behind(
    tmp_path: Path, clock: Clock, files: list[Path], bounds: dict[str, int], why: str
) -> None:
    inbox = opened(tmp_path, clock, **bounds)
    statuses = []
    for file in (*files, files[0]):
        try:
            put(inbox, file)
            statuses.append(0)
        except Unfit as unfit:
            statuses.append(unfit.status)
    assert statuses[0] == 0
    assert statuses[-2:] == [NO_ROOM, NO_ROOM]  # nor is an image that would fit: the study stays spoiled
    inbox.ended("one")
    clock.now = 10.0
    study = taken(inbox)
    assert why in study.spoiled
    assert (study.images, study.size, study.folder.exists()) == ({}, 0, False)


def test_more_studies_at_once_than_may_be_are_told_apart_and_refused(tmp_path: Path, clock: Clock) -> None:
    inbox = opened(tmp_path, clock, studies=1)
    put(inbox, write_exam(tmp_path / "a", StudyInstanceUID="1.2.1")[0])
    other = write_exam(tmp_path / "b", StudyInstanceUID="1.2.2")
    with pytest.raises(Unfit, match="no room"):
        put(inbox, other[0])
    inbox.ended("one")
    clock.now = 10.0
    assert taken(inbox).spoiled == ""
    with pytest.raises(Unfit, match="no room"):  # room is there again, but the study would not be whole
        put(inbox, other[1])
    inbox.ended("one")
    clock.now = 20.0
    assert taken(inbox).spoiled == "1 studies were being received already"
    put(inbox, other[0])


def test_room_is_there_again_when_a_study_is_discarded(tmp_path: Path, clock: Clock, files: list[Path]) -> None:
    size = files[0].stat().st_size
    inbox = opened(tmp_path, clock, all_bytes=size + 10)
    put(inbox, files[0])
    with pytest.raises(Unfit, match="no room"):
        inbox.check_room(11)
    inbox.ended("one")
    clock.now = 10.0
    study = taken(inbox)
    inbox.discard(study)
    assert not study.folder.exists()
    inbox.check_room(size)


def test_what_is_on_its_way_counts_and_what_was_cut_off_goes(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = opened(tmp_path, clock, all_bytes=100)
    coming = tmp_path / "private" / "tmp1.dcm"
    coming.write_bytes(b"x" * 90)
    with pytest.raises(Unfit, match="no room"):
        inbox.check_room(20)
    inbox.remove_stale()
    assert coming.exists()
    monkeypatch.setattr(module, "STALE", -1)
    inbox.remove_stale()
    assert not coming.exists()
    inbox.check_room(20)


def test_an_image_that_was_refused_and_came_whole_later_is_no_lack(
    tmp_path: Path, clock: Clock, files: list[Path]
) -> None:
    inbox, short = opened(tmp_path, clock), tmp_path / "short.dcm"
    short.write_bytes(files[0].read_bytes()[:-9])
    with pytest.raises(Unfit, match="its pixels are cut short"):
        put(inbox, short)
    put(inbox, files[1])
    (study,) = inbox._open.values()
    assert list(study.refused.values()) == ["its pixels are cut short"]
    put(inbox, files[0])
    assert (len(study.images), study.refused) == (2, {})


def test_an_object_that_is_not_what_the_sender_said_is_refused(tmp_path: Path, clock: Clock, files: list[Path]) -> None:
    inbox = opened(tmp_path, clock)
    kind = str(pydicom.dcmread(files[0]).SOPClassUID)
    with pytest.raises(Unfit, match="another object than the sender said") as refused:
        put(inbox, files[0], announced=Arrival(STUDY, "1.2.3", kind))
    assert refused.value.status == NOT_OF_ITS_CLASS


def test_a_file_that_another_thread_moves_away_meanwhile_counts_no_more(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = opened(tmp_path, clock, all_bytes=100)
    for name in ("gone.dcm", "there.dcm"):
        (inbox._folder / name).write_bytes(b"x" * 10)
    entries = list(os.scandir(inbox._folder))
    (inbox._folder / "gone.dcm").unlink()
    monkeypatch.setattr(module.os, "scandir", lambda folder: entries)
    inbox.check_room(90)
    with pytest.raises(Unfit, match="no room"):
        inbox.check_room(91)
    inbox.remove_stale()
    assert (inbox._folder / "there.dcm").is_file()
