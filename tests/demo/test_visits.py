"""What is kept for a tab: files inside their folder, within bounds, until they are removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mmdx.demo import visits as module
from mmdx.demo.answer import Answer
from mmdx.demo.visits import Visit, Visits
from mmdx.errors import DataError, UsageError


async def blocks(*content: bytes) -> AsyncIterator[bytes]:
    for block in content:
        yield block


def take(visit: Visit, name: str, *content: bytes) -> None:
    asyncio.run(visit.take(name, blocks(*content or (b"x",))))


def test_files_lie_under_the_paths_that_they_had(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    assert visit.folder.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="no files: give a folder"):
        _ = visit.source
    take(visit, "exam/brain/1.png", b"ab", b"c")
    assert visit.source == visit.files / "exam"
    assert (visit.source / "brain" / "1.png").read_bytes() == b"abc"
    take(visit, "exam/bone/1.png")
    take(visit, "more.png")
    assert visit.source == visit.files
    visit.clear()
    assert not visit.files.exists()


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a", "a/../../b", "a\0b", "a" * 256, "/".join("a" * 40)])
def test_no_path_leaves_the_folder(tmp_path: Path, name: str) -> None:
    visit = Visit(tmp_path)
    with pytest.raises(UsageError, match="no path of a file inside a folder"):
        take(visit, name)
    assert not visit.files.exists()


def test_files_are_bounded_in_number_and_bytes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 2)
    monkeypatch.setattr(module, "MOST_BYTES", 4)
    visit = Visit(tmp_path)
    take(visit, "a", b"123")
    with pytest.raises(DataError, match="GiB of files"):
        take(visit, "b", b"45")
    with pytest.raises(DataError, match="more than 2 files"):
        take(visit, "c", b"")


def test_nothing_is_asked_while_files_are_on_their_way(tmp_path: Path) -> None:
    visit = Visit(tmp_path)

    async def watched() -> AsyncIterator[bytes]:
        yield b"1"
        with pytest.raises(UsageError, match="still on their way"):
            _ = visit.source
        yield b"2"

    asyncio.run(visit.take("a.png", watched()))
    assert visit.source.read_bytes() == b"12"


def test_a_tab_is_forgotten_when_it_is_closed_and_the_first_beyond_the_most(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_VISITS", 2)
    visits = Visits(tmp_path)
    first = visits.open("1")
    assert visits.open("1") is first
    assert visits.of(first.token) is first
    second, _ = visits.open("2"), visits.open("3")
    assert visits.of(first.token) is None
    assert not first.folder.exists()
    visits.close("2")
    assert visits.of(second.token) is None
    assert len(list(tmp_path.iterdir())) == 1


def test_an_answer_is_found_by_its_token_until_the_next(tmp_path: Path) -> None:
    visits = Visits(tmp_path)
    visit, old, new = visits.open("1"), Answer("a", ()), Answer("b", ())
    visit.keep(old)
    token = visit.answer_token
    assert visits.answer(token) is old
    visit.keep(new)
    assert visits.answer(token) is None
    assert visits.answer(visit.answer_token) is new
    visits.close("1")
    assert visits.answer(visit.answer_token) is None
