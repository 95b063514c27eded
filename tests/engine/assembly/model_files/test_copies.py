"""What is copied out of a stranger's folder are the files of a model, and nothing that a link reaches."""

from __future__ import annotations

from pathlib import Path

import pytest
from strange_model import answer, write_model

from mmdx.engine.assembly.model_files.copies import copy_files
from mmdx.engine.assembly.saved import load_model, write_ensemble
from mmdx.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def test_a_copy_answers_the_same_and_holds_nothing_else(folder: Path, tmp_path: Path) -> None:
    (folder / "private.txt").write_text("x")
    (folder / "model.json.partial").write_text("x")
    copy_files(folder, tmp_path / "copy")
    assert answer(load_model(tmp_path / "copy")) == answer(load_model(folder))
    assert not list((tmp_path / "copy").rglob("p*.txt"))
    assert not list((tmp_path / "copy").rglob("*.partial"))


def test_an_ensemble_is_copied_whole(folder: Path, tmp_path: Path) -> None:
    write_ensemble(tmp_path / "both", [folder, folder])
    copy_files(tmp_path / "both", tmp_path / "copy")
    assert answer(load_model(tmp_path / "copy")) == answer(load_model(tmp_path / "both"))


@pytest.mark.parametrize("name", ["calibration.json", "tokenizers/report/length.json", "first"])
def test_a_link_out_of_the_folder_is_never_followed(folder: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "config.yaml").write_text("secret")
    path = folder / name
    path.unlink(missing_ok=True)
    path.symlink_to(secret if name == "first" else secret / "config.yaml")
    with pytest.raises(DataError, match=r"is a link out of .*, and is not copied"):
        copy_files(folder, tmp_path / "copy")
    assert not [file for file in (tmp_path / "copy").rglob("*") if file.is_file() and file.read_bytes() == b"secret"]


def test_what_is_no_file_is_not_copied(folder: Path, tmp_path: Path) -> None:
    (folder / "domain.json").mkdir()
    with pytest.raises(DataError, match="is no regular file but a folder"):
        copy_files(folder, tmp_path / "copy")
