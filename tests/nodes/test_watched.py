"""A watched folder: what is taken from it, when, and that nothing in it is changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cohorts import write_png
from handed_over import NAME, write_exam

from mmdx.errors import UsageError
from mmdx.nodes.inbox import Bounds, Inbox
from mmdx.nodes.watched import Watched


@pytest.fixture
def said() -> list[str]:
    return []


def watching(tmp_path: Path, said: list[str], **bounds: int) -> tuple[Watched, Inbox, Path]:
    private, folder = tmp_path / "private", tmp_path / "watched"
    private.mkdir()
    folder.mkdir()
    inbox = Inbox(private, Bounds(quiet_for=0.0, **bounds))
    return Watched(folder, inbox, said.append), inbox, folder


def count(inbox: Inbox) -> int:
    study = inbox.whole()
    return 0 if study is None else len(study.images)


def test_files_are_taken_once_when_they_have_stopped_growing(tmp_path: Path, said: list[str]) -> None:
    watched, inbox, folder = watching(tmp_path, said)
    first, second, third = write_exam(folder / "a" / "b")
    whole = second.read_bytes()
    second.write_bytes(whole[:500])
    watched.look()
    assert count(inbox) == 0
    second.write_bytes(whole)
    watched.look()  # the second has grown since
    assert count(inbox) == 2
    watched.look()
    assert count(inbox) == 1
    watched.look()
    assert (count(inbox), said) == (0, [])
    assert [path.exists() for path in (first, second, third)] == [True, True, True]


def test_hidden_unfinished_linked_and_other_files_are_passed_over(tmp_path: Path, said: list[str]) -> None:
    watched, inbox, folder = watching(tmp_path, said)
    paths = write_exam(tmp_path / "exam")
    (folder / ".hidden.dcm").write_bytes(paths[0].read_bytes())
    (folder / "1.dcm.part").write_bytes(paths[0].read_bytes())
    (folder / "link.dcm").symlink_to(paths[0])
    (folder / "exam").symlink_to(tmp_path / "exam")
    os.mkfifo(folder / "pipe.dcm")
    write_png(folder / "1.png", 3)
    (folder / "one.dcm").write_bytes(paths[1].read_bytes())
    watched.look()
    watched.look()
    assert (count(inbox), said) == (1, [])


def test_what_is_refused_is_said_once_and_by_no_name(tmp_path: Path, said: list[str]) -> None:
    watched, inbox, folder = watching(tmp_path, said)
    for number, path in enumerate(write_exam(folder)):
        path.write_bytes(path.read_bytes()[:-9])
        path.rename(folder / f"{NAME} {number}.dcm")
    for _ in range(3):
        watched.look()
    assert said == ["refused: 3 files of the watched folder: its pixels are cut short"]
    study = inbox.whole()
    assert study is not None
    assert len(study.refused) == 3
    assert list((tmp_path / "private").iterdir()) == []


def test_what_finds_no_room_is_tried_again(tmp_path: Path, said: list[str]) -> None:
    watched, inbox, folder = watching(tmp_path, said, all_bytes=1500)
    write_exam(folder / "a", StudyInstanceUID="1.2.1")[1].unlink()
    (folder / "a" / "3.dcm").unlink()
    watched.look()
    watched.look()
    study = inbox.whole()
    assert study is not None
    assert len(study.images) == 1
    for path in write_exam(folder / "b", StudyInstanceUID="1.2.2")[1:]:
        path.unlink()
    watched.look()
    watched.look()
    assert count(inbox) == 0
    inbox.discard(study)
    watched.look()
    assert count(inbox) == 1


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(UsageError, match=r"--watch .*is no folder that can be read"):
        Watched(tmp_path / "nothing", Inbox(tmp_path, Bounds()), said.append)
