"""A sealed file tells whether it, and what lies beside it, are as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmdx.errors import DataError
from mmdx.strangers.sealed import digest_of, number_in, read_sealed, require, write_sealed


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"1")
    write_sealed(tmp_path / "x.json", {"b": 0.1, "a": [None, "ü"]}, [tmp_path / "in" / "a"])
    return tmp_path / "x.json"


def test_what_is_written_comes_back(sealed: Path) -> None:
    assert read_sealed(sealed, "again") == {"b": 0.1, "a": [None, "ü"]}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("x.json", "0.1", "0.2"), ("x.json", '"a"', '"c"'), ("in/a", "1", "2")],
)
def test_anything_else_is_damage(sealed: Path, name: str, old: str, new: str) -> None:
    path = sealed.parent / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=rf"{name}: is damaged .*; again$"):
        read_sealed(sealed, "again")


def test_a_file_beside_it_that_is_gone(sealed: Path) -> None:
    (sealed.parent / "in" / "a").unlink()
    with pytest.raises(DataError, match=r"in/a: missing; again$"):
        read_sealed(sealed, "again")


def test_a_file_that_is_written_later_must_be_there(sealed: Path) -> None:
    later = sealed.parent / "later.json"
    write_sealed(later, {"c": 1})
    require(sealed, later)
    assert read_sealed(sealed, "again") == {"b": 0.1, "a": [None, "ü"]}
    later.unlink()
    with pytest.raises(DataError, match=r"later\.json: missing; again$"):
        read_sealed(sealed, "again")
    require(sealed.parent / "none.json", later)
    assert not (sealed.parent / "none.json").exists()


def test_a_file_of_before_has_no_seal(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert read_sealed(tmp_path / "x.json", "again") == {"a": 1}
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(DataError, match=r"x\.json: holds list, not an object; again"):
        read_sealed(tmp_path / "x.json", "again")
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "none.json", "again")


def test_no_seal_reaches_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    folder = tmp_path / "in"
    write_sealed(folder / "x.json", {})
    for name in ("../a", str(tmp_path / "a")):
        write_sealed(folder / "x.json", {"beside": {name: digest_of(tmp_path / "a")}})
        with pytest.raises(DataError, match="leaves the folder"):
            read_sealed(folder / "x.json", "again")


@pytest.mark.parametrize("value", ["1", True, None, [1], 1e31, 10**400])
def test_only_numbers_are_numbers(value: object) -> None:
    assert number_in({"a": 1}, "a") == 1.0
    with pytest.raises(ValueError, match=r"a is .*, which is no number"):
        number_in(json.loads(json.dumps({"a": value})), "a")
