"""Workers that are kept between calls go where the process that asks stands."""

from __future__ import annotations

from pathlib import Path

import joblib
import pytest

from mmdx.data.workers import in_folder


def test_a_relative_path_means_the_folder_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "word.txt").write_text(name)
        monkeypatch.chdir(folder)
        tasks = [joblib.delayed(in_folder)(Path.cwd(), Path.read_text, Path("word.txt"))] * 2
        found.append(joblib.Parallel(n_jobs=2)(tasks))
    assert found == [["first"] * 2, ["second"] * 2]
