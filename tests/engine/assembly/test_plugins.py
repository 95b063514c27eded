"""A user's own module is imported before its reader is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mmdx.cli import main
from mmdx.data.readers import register_all
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError
from mmdx.registry import READERS

LAB = """
from pathlib import Path

from mmdx.registry import READERS
from mmdx.study import Study


@READERS("lab_notes")
def read(root: Path) -> list[Study]:
    return [Study(path.stem, path.stem, {"report": path.read_text()}) for path in sorted(root.glob("*.txt"))]
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that registers the reader `lab_notes`; both are gone after the test."""
    register_all()
    monkeypatch.setattr(READERS, "_parts", dict(READERS._parts))
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "lab_plugin.py").write_text(LAB, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "code")
    # Set, so that it is taken out again, then missing, as it is before the import.
    monkeypatch.setitem(sys.modules, "lab_plugin", sys)
    del sys.modules["lab_plugin"]
    return "lab_plugin"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    for number in range(6):
        (tmp_path / "notes" / f"n{number}.txt").write_text(f"Fell {number} times.", encoding="utf-8")
    return tmp_path / "notes"


def test_prepare_and_inspect_read_with_a_plugin(
    lab: str, notes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["prepare", "lab_notes", str(notes), str(tmp_path / "out"), "--plugin", lab])
    text = capsys.readouterr().err
    assert stopped.value.code == 0, text
    assert "6 studies" in text
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", str(notes), "--reader", "lab_notes", "--plugin", lab])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["n0", "report", "text"]


def test_a_module_that_is_not_there_is_told() -> None:
    with pytest.raises(UsageError, match=r"plugins: 'no_such_lab' cannot be imported .*PYTHONPATH"):
        import_plugins(["sys", "no_such_lab"])


@pytest.mark.parametrize("name", ["", "..os", "os.", "a b", "../x", "/x", "a;b"])
def test_what_is_no_name_of_a_module_is_told(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a module"):
        import_plugins([name])
