"""Files that anybody may have made are read whole or refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmdx.errors import DataError
from mmdx.strangers.bounded import parse_json, parse_log_line, read_bytes, read_json, read_text, regular


def refusal(action) -> str:
    with pytest.raises(DataError) as caught:
        action()
    assert len(caught.value.problems) == 1
    return str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "endless", "folder", "circle"])
def test_what_is_no_file_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "endless" else path)
    said = refusal(lambda: read_json(path))
    assert said.startswith(f"{path}: ")
    named = {"pipe": "a pipe", "endless": "a device", "folder": "a folder", "circle": "cannot be read"}
    assert named[kind] in said


def test_a_file_is_looked_at_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 11)
    assert read_bytes(tmp_path / "a", most=11) == b"x" * 11
    assert "has 11 bytes, more than the 10" in refusal(lambda: read_bytes(tmp_path / "a", most=10))
    assert regular(tmp_path / "a") == tmp_path / "a"
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read"):
        regular(tmp_path / "a\0")


def test_text_is_utf_8_with_plain_line_breaks(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("ü\r\nb\rc\n".encode())
    assert read_text(tmp_path / "a") == "ü\nb\nc\n"
    (tmp_path / "a").write_bytes(b"a\xff")
    assert "is not UTF-8 at byte 1" in refusal(lambda: read_text(tmp_path / "a"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ('{"a": NaN}', "holds NaN"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ("[1e999]", "holds 1e999"),
        ("9" * 5000, "cannot be read as JSON"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_json_that_is_none_or_no_number(text: str, said: str) -> None:
    assert said in refusal(lambda: parse_json(text, "x.json", "fetch it"))
    assert refusal(lambda: parse_json(text, "x.json", "fetch it")).endswith("; fetch it")


def test_a_line_of_a_log_may_hold_a_score_that_is_none() -> None:
    assert parse_log_line('{"val_auroc": NaN}', "log.jsonl")["val_auroc"] != 0
    assert "a line cannot be read as JSON" in refusal(lambda: parse_log_line("{", "log.jsonl"))


def test_json_is_what_it_says() -> None:
    assert parse_json('{"a": [1, 2.5, null, "x"]}', "x.json") == {"a": [1, 2.5, None, "x"]}
