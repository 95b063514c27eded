"""What a written comparison was made from, and which other may take its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mmdx.errors import UsageError
from mmdx.stats.report.place import account, earlier_figures, earlier_record, refuse_other

A, B = Path("runs/a"), Path("runs/b")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leave(folder: Path, sources: tuple[Path | str, ...], split: str = "test") -> Path:
    folder.mkdir(parents=True)
    (folder / "compare.json").write_text(json.dumps(account(folder, sources, split) | {"split": split}))
    return folder


def test_the_same_sources_go_through_however_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = leave(Path("out"), (A, B))
    refuse_other(out, (A, B), "test")
    refuse_other(tmp_path / "out", (tmp_path / A, B), "test")
    A.mkdir(parents=True)
    monkeypatch.chdir(A)
    refuse_other(Path("../../out"), (Path(), Path("../b")), "test")


@pytest.mark.parametrize(
    ("sources", "split"),
    [((A,), "test"), ((B, A), "test"), ((A, B), "val"), ((A, "b"), "test"), ((Path("b/runs/a"), B), "test")],
)
def test_others_are_refused_in_one_line_with_two_ways_out(sources: tuple[Path | str, ...], split: str) -> None:
    out = leave(Path("out"), (A, B))
    with pytest.raises(UsageError) as refused:
        refuse_other(out, sources, split)
    (line,) = refused.value.problems
    assert line == (
        "out: holds the comparison of runs/a, runs/b (test split); give --out OTHER for this one, or --overwrite to "
        "replace that one"
    )


def test_the_same_words_in_another_folder_are_other_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = leave(tmp_path / "out", (A,))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"holds the comparison of runs/a \(test"):
        refuse_other(out, (A,), "test")


def test_both_can_be_moved_together_and_no_path_is_told(tmp_path: Path) -> None:
    leave(Path("project/out"), (Path("project/runs/a"),))
    assert str(tmp_path) not in Path("project/out/compare.json").read_text()
    shutil.move("project", "moved")
    refuse_other(Path("moved/out"), (Path("moved/runs/a"),), "test")


@pytest.mark.parametrize("text", ["{}", "[1]", "not JSON", '{"sources": 3}'])
def test_one_that_does_not_say_its_sources_is_another(tmp_path: Path, text: str) -> None:
    (tmp_path / "compare.json").write_text(text)
    with pytest.raises(UsageError, match="holds the comparison of other sources"):
        refuse_other(tmp_path, (A,), "test")


def test_a_folder_without_a_comparison_is_free(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("mine")
    assert earlier_record(tmp_path) is None
    refuse_other(tmp_path, (A,), "test")
    (tmp_path / "compare.html").write_text("of somebody")
    with pytest.raises(UsageError, match="other sources"):
        refuse_other(tmp_path, (A,), "test")


def test_only_figures_of_a_comparison_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "compare.json").write_text('{"figures": ["figures/auroc.png", "figures/../../a.png", 3]}')
    assert earlier_figures(tmp_path) == ["figures/auroc.png"]
