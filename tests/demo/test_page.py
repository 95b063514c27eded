"""What the page calls: an answer or the lines of what is wrong, and no file that stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gradio import Request
from handed_over import NAME

from mmdx.demo import page as module
from mmdx.demo.answer import Opened
from mmdx.demo.page import BY_FOLDER, Asking, page_of
from mmdx.demo.visits import Visit, Visits

TAB = Request(session_hash="tab")


@pytest.fixture
def visits(tmp_path: Path) -> Visits:
    return Visits(tmp_path)


@pytest.fixture
def asking(home: Path, visits: Visits) -> Asking:
    return Asking(Opened.of(home / "ct"), visits)


def give(visit: Visit, path: Path, name: str) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    asyncio.run(visit.take(name, content()))


def test_a_tab_asks_and_its_files_are_removed(home: Path, asking: Asking, visits: Visits, capfd) -> None:
    visit = visits.open("tab")
    assert visit.token in asking.begin(TAB)
    for path in (home / "exam").iterdir():
        give(visit, path, f"exam/{path.name}")
    said, drop = asking(TAB, BY_FOLDER, "fall on the head")
    assert "with report" in said
    assert visit.answer is not None
    assert visit.answer_token in said
    assert "The files are removed" in drop
    assert list(visit.folder.rglob("*")) == []
    assert NAME.split("^")[0] not in said + "".join(capfd.readouterr())
    asking.end(TAB)
    assert not visit.folder.exists()


def test_what_is_wrong_is_told_in_the_lines_of_the_command_line(home: Path, asking: Asking, visits: Visits) -> None:
    visit = visits.open("tab")
    said, _ = asking(TAB, BY_FOLDER, "")
    assert "no files: give a folder" in said
    give(visit, home / "pictures" / "im1.png", "im1.png")
    said, _ = asking(TAB, BY_FOLDER, "")
    assert "refused: im1: its images hold intensity, but the model&#39;s &#39;image&#39; was trained on HU" in said
    give(visit, home / "pictures" / "im1.png", "a.txt")
    give(visit, home / "pictures" / "im1.png", "b.txt")
    said, _ = asking(TAB, BY_FOLDER, "")
    assert 'role="alert"' in said
    assert str(visit.folder) not in said
    assert list(visit.folder.rglob("*")) == []


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("Doe^Jane"), "a fault of mmdx itself, ValueError at test_page.py:"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device", "/tmp/Doe"), "a file: No space left on device; make room"),
    ],
)
def test_a_fault_names_its_place_and_nothing_of_a_patient(
    home: Path, asking: Asking, visits: Visits, monkeypatch, capfd, error: Exception, line: str
) -> None:
    def answer(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(module, "answer_files", answer)
    give(visits.open("tab"), home / "exam" / "1.dcm", "1.dcm")
    said, _ = asking(TAB, BY_FOLDER, "")
    assert line in said
    logged = "".join(capfd.readouterr())
    assert "Doe" not in said + logged
    assert "Traceback" not in said + logged


def test_inputs_that_a_model_lacks_are_not_asked_for(home: Path, visits: Visits) -> None:
    page = page_of(Opened.of(home / "both"), visits)
    labels = {one.label: one.visible for one in page.blocks.values() if getattr(one, "label", None)}
    assert labels["report (may stay empty)"] is not False
    assert labels["The images are"] is False
    assert not page.analytics_enabled
