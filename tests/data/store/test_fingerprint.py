"""A store's key changes with everything that would change its rows, and with nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mmdx.data.store.fingerprint import STORE_FORMAT, fingerprint


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "raw" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        (tmp_path / "raw" / name).write_bytes(b"12345")
        os.utime(tmp_path / "raw" / name, ns=(1_000, 1_000))
    return tmp_path / "raw"


def key(source: Path, *, reader: str = "folder", size: int = 8, **options: object) -> str:
    return fingerprint(reader, options, source, size=size)


def test_the_same_files_in_another_place_have_the_same_key(source: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(source, tmp_path / "elsewhere", copy_function=shutil.copy2)
    assert key(moved) == key(source)
    assert len(key(source)) == 32


def test_reader_size_and_options_count(source: Path) -> None:
    keys = {key(source), key(source, reader="dicom"), key(source, size=9), key(source, modality="ct")}
    assert len(keys | {key(source, modality="mr")}) == 5


@pytest.mark.parametrize("change", ["longer", "later", "renamed", "added", "removed"])
def test_every_source_file_counts(source: Path, change: str) -> None:
    before, deep = key(source), source / "deep" / "b.png"
    if change == "longer":
        deep.write_bytes(b"123456")
        os.utime(deep, ns=(1_000, 1_000))
    elif change == "later":
        os.utime(deep, ns=(1_000, 1_001))
    elif change == "renamed":
        deep.rename(source / "b.png")
    elif change == "added":
        (source / "c.png").touch()
    else:
        deep.unlink()
    assert key(source) != before


def test_a_table_outside_the_source_counts(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("a", encoding="utf-8")
    before = key(source, table=table)
    table.write_text("ab", encoding="utf-8")
    assert key(source, table=table) != before


@pytest.mark.parametrize("option", ["../labels.csv", ("../labels.csv",), {"a": "../labels.csv"}])
def test_a_table_is_found_from_the_source_and_within_lists(source: Path, tmp_path: Path, option: Any) -> None:
    given = Path(option) if isinstance(option, str) else option
    if isinstance(option, tuple):
        given = tuple(map(Path, option))
    elif isinstance(option, dict):
        given = {name: Path(value) for name, value in option.items()}
    before = key(source, table=given)
    (tmp_path / "labels.csv").write_text("a", encoding="utf-8")
    assert key(source, table=given) != before


def test_a_folder_that_an_option_names_counts_with_all_its_files(source: Path, tmp_path: Path) -> None:
    (tmp_path / "masks" / "deep").mkdir(parents=True)
    before = key(source, masks=tmp_path / "masks")
    (tmp_path / "masks" / "deep" / "a.png").touch()
    assert key(source, masks=tmp_path / "masks") != before


def test_a_format_of_another_version_is_another_store(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(source)
    monkeypatch.setattr("mmdx.data.store.fingerprint.STORE_FORMAT", STORE_FORMAT + 1)
    assert key(source) != before


def test_a_link_to_a_folder_counts_by_where_it_points(source: Path) -> None:
    (source / "other").mkdir()
    (source / "link").symlink_to("deep")
    before = key(source)
    (source / "link").unlink()
    (source / "link").symlink_to("other")
    assert key(source) != before


def test_a_single_file_is_a_source(source: Path) -> None:
    before = key(source / "a.png")
    os.utime(source / "a.png", ns=(1_000, 2_000))
    assert key(source / "a.png") != before


def test_names_that_are_not_utf8_and_links_to_nowhere_are_taken_as_they_are(source: Path) -> None:
    before = key(source)
    Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9.png")).touch()
    between = key(source)
    (source / "dangling.png").symlink_to(source / "gone.png")
    assert len({before, between, key(source)}) == 3


def test_a_source_that_is_not_on_disk_counts_by_its_name(tmp_path: Path) -> None:
    assert len({key(tmp_path / "lab" / "scans"), key(tmp_path / "lab" / "notes")}) == 2


def test_an_option_that_came_later_leaves_stores_what_they_were_at_its_default(source: Path) -> None:
    before = key(source, reader="phantom")
    assert key(source, reader="phantom", strength="apart") == before
    assert key(source, reader="phantom", strength="shared") != before
    assert key(source, reader="phantom", image_contrast=1.0) == before
    assert key(source, reader="phantom", image_contrast=0.5) != before
    assert key(source, reader="folder", strength="apart") != key(source)
