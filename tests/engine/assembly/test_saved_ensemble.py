"""Folders of ensembles: what they hold, that they move, and what a broken one says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from members import write_member

from mmdx.engine.assembly.saved import load_description, load_model, weights_digest, write_ensemble
from mmdx.errors import DataError, UsageError


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two model folders `a` and `b`, and their ensemble `both`."""
    home = tmp_path_factory.mktemp("ensemble")
    write_member(home / "a", seed=0)
    write_member(home / "b", seed=1, words="headache since this morning")
    write_ensemble(home / "both", [home / "a", home / "b"])
    return home


def test_it_holds_its_members_and_moves(home: Path, tmp_path: Path):
    shutil.copytree(home / "both", tmp_path / "moved")
    first, second = load_model(tmp_path / "moved").members
    assert (first.others, second.others) == ((), ())
    for member, name in ((first, "a"), (second, "b")):
        alone = load_model(home / name)
        assert all(torch.equal(one, other) for one, other in zip(_weights(member), _weights(alone), strict=True))
        assert member.tokenizers["report"].vocabulary == alone.tokenizers["report"].vocabulary
    assert first.config.seed == second.config.seed == 0
    assert load_description(tmp_path / "moved")[1].findings == ("bleed", "fracture")


def test_an_ensemble_in_an_ensemble_is_its_members(home: Path, tmp_path: Path):
    write_member(tmp_path / "c", seed=2)
    write_ensemble(tmp_path / "three", [home / "both", tmp_path / "c"])
    content = json.loads((tmp_path / "three" / "ensemble.json").read_text())
    assert content["members"] == ["members/0", "members/1", "members/2"]
    assert len(load_model(tmp_path / "three").members) == 3


def test_written_again_nothing_is_left_of_the_former(home: Path, tmp_path: Path):
    write_ensemble(tmp_path / "out", [home / "both", home / "a"])
    write_ensemble(tmp_path / "out", [home / "b", home / "a"])
    assert sorted(path.name for path in (tmp_path / "out" / "members").iterdir()) == ["0", "1"]


def test_its_digest_hangs_on_members_and_their_order(home: Path, tmp_path: Path):
    write_ensemble(tmp_path / "turned", [home / "b", home / "a"])
    assert len({weights_digest(place) for place in (home / "a", home / "both", tmp_path / "turned")}) == 3


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["../a"], "'../a' leaves"),
        (["/etc"], "'/etc' is absolute"),
        (["members/7"], "no file 'members/7' under"),
        (["members"], "is no folder of one model"),
        ([], "members is no list of folders"),
        ("members/0", "members is no list of folders"),
    ],
)
def test_a_name_that_is_no_member_is_refused(home: Path, tmp_path: Path, members: object, words: str):
    shutil.copytree(home / "both", tmp_path / "model")
    write_member(tmp_path / "a", seed=0)
    (tmp_path / "model" / "ensemble.json").write_text(json.dumps({"members": members}))
    with pytest.raises(DataError, match=words):
        load_model(tmp_path / "model")


def test_a_file_that_is_no_ensemble_is_refused(home: Path, tmp_path: Path):
    (tmp_path / "ensemble.json").write_text("[]")
    with pytest.raises(DataError, match=r"ensemble\.json: .*; the model folder is not whole"):
        load_model(tmp_path)


def test_members_that_disagree_are_refused_before_anything_is_written(home: Path, tmp_path: Path):
    write_member(tmp_path / "c", seed=0, findings=("bleed",))
    with pytest.raises(UsageError, match=r"c: findings bleed instead of bleed, fracture, unlike .*a; only models that"):
        write_ensemble(tmp_path / "out", [home / "a", tmp_path / "c"])
    assert not (tmp_path / "out").exists()
    shutil.copytree(home / "both", tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "members" / "1")
    shutil.copytree(tmp_path / "c", tmp_path / "model" / "members" / "1")
    with pytest.raises(DataError, match=r"members/1: findings bleed instead of bleed, fracture, unlike .*members/0"):
        load_model(tmp_path / "model")


def _weights(saved) -> list[torch.Tensor]:
    return list(saved.model.state_dict().values())
