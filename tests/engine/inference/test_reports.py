"""Which text input a file of `--report`, or a text from Python, is for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from texts import TEXTS, model_of

from mmdx.engine.inference.reports import named_texts, read_reports
from mmdx.errors import DataError, UsageError


def test_files_are_named_where_there_are_several_texts(tmp_path: Path):
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    saved = model_of("history", "findings")
    assert read_reports(saved, [f"{name}={tmp_path / name}.txt" for name in TEXTS]) == TEXTS
    file = tmp_path / "findings.txt"
    for given, line in (
        (
            [f"{file}"],
            f"--report {file}: the model reads several texts (history, findings); say which, such as --report "
            f"history={file}",
        ),
        (
            [f"findngs={file}"],
            f"--report findngs={file}: the model reads no text 'findngs'; did you mean 'findings'? "
            "known: findings, history",
        ),
        (
            [f"findings={file}"] * 2,
            f"--report findings={file}: 'findings' is given twice; give one file per text",
        ),
        ([f"findings={file}s"], f"--report {file}s: no such file"),
    ):
        with pytest.raises(UsageError) as refused:
            read_reports(saved, given)
        assert list(refused.value.problems) == [line]


def test_the_only_text_needs_no_name(tmp_path: Path):
    saved, file = model_of("findings"), tmp_path / "a=b.txt"
    file.write_text("blood")
    assert read_reports(saved, [str(file)]) == read_reports(saved, [f"findings={file}"]) == {"findings": "blood"}
    with pytest.raises(UsageError, match="this model reads no text; leave the option out"):
        read_reports(replace(saved, facts=replace(saved.facts, inputs={})), [str(file)])


def test_a_text_from_python_is_for_the_only_input_or_is_named():
    one, two = model_of("findings"), model_of("history", "findings")
    assert named_texts(one, "blood") == {"findings": "blood"}
    assert named_texts(two, {"history": "fall"}) == {"history": "fall"}
    assert named_texts(two, None) == {}
    with pytest.raises(UsageError, match=r"the model reads several texts \(history, findings\); give a mapping"):
        named_texts(two, "blood")
    with pytest.raises(UsageError, match="report 'histry': the model reads no such text; did you mean 'history'"):
        named_texts(two, {"histry": "fall"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_word(tmp_path: Path, encoding: str):
    file = tmp_path / "report.txt"
    file.write_bytes("Blood.\n".encode(encoding))
    assert read_reports(model_of("findings"), [str(file)]) == {"findings": "Blood."}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty; leave the option out"),
        (b"\xef\xbb\xbf \n", "is empty; leave the option out"),
        (b"NaN\n", "says only 'NaN'; leave the option out"),
        ("Blood".encode("utf-16-le"), "cannot be read as text"),
        (b"Gr\xf6\xdfe", "cannot be read as text"),
        (b"x" * 1_000_001, "has more than 1,000,000 bytes"),
    ],
)
def test_a_file_without_a_report_is_refused_in_one_line(tmp_path: Path, content: bytes, line: str):
    file = tmp_path / "report.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=line) as refused:
        read_reports(model_of("findings"), [str(file)])
    assert len(refused.value.problems) == 1
