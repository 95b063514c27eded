import hashlib
import json
from pathlib import Path

import pytest

from mmdx.data.phantom import folder
from mmdx.data.phantom.folder import make_cohort
from mmdx.data.phantom.recipe import Recipe
from mmdx.errors import DataError

RECIPE = Recipe(patients=3, matrix=64)


def contents(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_cohort_is_made_once(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "raw"
    folders = make_cohort(root, RECIPE)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert folders[0].name == "phantom-00001-1"
    assert make_cohort(root, RECIPE) == folders
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    manifest = json.loads((root / "phantom.json").read_text(encoding="utf-8"))
    assert manifest["options"]["patients"] == 3
    assert manifest["studies"] == len(folders)


def test_another_cohort_is_not_overwritten(tmp_path: Path) -> None:
    make_cohort(tmp_path, RECIPE)
    before = contents(tmp_path)
    with pytest.raises(DataError, match=r"patients=3, not 4; matrix=64, not 96; choose another source folder"):
        make_cohort(tmp_path, Recipe(patients=4))
    assert contents(tmp_path) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds thesis\.txt and no phantom"):
        make_cohort(tmp_path, RECIPE)
    assert list(contents(tmp_path)) == ["thesis.txt"]


def test_a_killed_generation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    make_cohort(whole, RECIPE)
    write, calls = folder.write_series, []

    def dies_in_the_third_series(*args: object) -> tuple[str, ...]:
        calls.append(args)
        names = write(*args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return names

    monkeypatch.setattr(folder, "write_series", dies_in_the_third_series)
    with pytest.raises(KeyboardInterrupt):
        make_cohort(broken, RECIPE)
    assert not (broken / "phantom.json").exists()
    assert [path.name for path in broken.glob("[!.]*/study.json")] == ["study.json"]
    with pytest.raises(DataError, match="choose another source folder"):
        make_cohort(broken, Recipe(patients=4, matrix=64))
    make_cohort(broken, RECIPE)
    # Two series of the first study were written before, and are not written again.
    assert len(calls) == 1 + 2 * len(list(whole.glob("phantom-*")))
    assert contents(broken) == contents(whole)


def test_a_lost_study_is_noticed(tmp_path: Path) -> None:
    lost = make_cohort(tmp_path, RECIPE)[0]
    (lost / "study.json").unlink()
    with pytest.raises(DataError, match=r"studies where phantom\.json counts"):
        make_cohort(tmp_path, RECIPE)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not a phantom's manifest"),
        ('{"options": 3}', "not a phantom's manifest"),
    ],
)
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "phantom.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"phantom\.json: {why}"):
        make_cohort(tmp_path, RECIPE)


def test_workers_make_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_cohort(tmp_path / "alone", RECIPE)
    monkeypatch.setattr(folder, "_FEW", 0)
    make_cohort(tmp_path / "together", RECIPE)
    assert contents(tmp_path / "alone") == contents(tmp_path / "together")
