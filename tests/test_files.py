"""Where a run keeps its files, and that a file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmdx.files import BASELINES, PARTIAL, SLICES, RunLayout, copy_file, write_json, write_text, written


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.txt"
    with written(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_two_may_write_a_shared_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with written(path, shared=True) as first, written(path, shared=True) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # whose block ended last
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_writer_of_a_shared_file_left_goes_but_nothing_of_one_that_writes_now(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    left, other = tmp_path / f"a.txt.0a{PARTIAL}", tmp_path / f"b.txt.0b{PARTIAL}"
    for place in (left, other):
        place.write_text("half")
        os.utime(place, (0, 0))
    with written(path, shared=True) as first:
        first.write_text("first")
        with written(path, shared=True) as second:
            second.write_text("second")
    assert path.read_text() == "first"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", other.name]


def test_a_copy_is_whole_and_as_old(tmp_path: Path) -> None:
    source, path = tmp_path / "a.txt", tmp_path / "made" / "b.txt"
    source.write_text("a")
    os.utime(source, (0, 0))
    copy_file(source, path)
    assert (path.read_text(), path.stat().st_mtime) == ("a", 0)
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "none", path)
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write() -> None:
        with written(path) as partial:
            partial.write_text("new")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Größe", "value": 0.5})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "name": "Größe",\n  "value": 0.5\n}\n'
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "b.json", {"value": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_the_layout_of_a_run() -> None:
    run = RunLayout(Path("runs/a"))
    assert run.best == Path("runs/a/checkpoints/best")
    assert run.scores("test") == Path("runs/a/predictions/test.csv")
    assert run.scores("val", SLICES, BASELINES) == Path("runs/a/predictions/val_slices_baselines.csv")
    assert run.fold(2).config == Path("runs/a/fold-2/config.yaml")
