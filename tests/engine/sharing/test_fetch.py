"""Models come from a Hub on loopback: once, and nothing beside them."""

from __future__ import annotations

import pytest
from fake_hub import Repository, serving
from huggingface_hub import constants
from strange_model import answer, write_model

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.sharing.fetch import Access, local_model
from mmdx.errors import UsageError


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    folder = write_model(tmp_path_factory.mktemp("model"))
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def hub(monkeypatch, tmp_path, files):
    monkeypatch.chdir(tmp_path)
    with serving(monkeypatch, tmp_path / "cache") as hub:
        extra = {"training.pkl": b"never", "pytorch_model.bin": b"never", "code.py": b"never"}
        hub.repositories["other/head-ct"] = Repository(private=False, files={**files, **extra})
        yield hub


def test_a_model_is_fetched_once_with_its_own_files_alone(hub, files, tmp_path, monkeypatch):
    folder = local_model("other/head-ct")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(files)
    fetched = [line for line in hub.asked if line.startswith("GET /other")]
    assert len(fetched) == len(files)
    assert local_model("other/head-ct@v1") == folder
    assert [line for line in hub.asked if line.startswith("GET /other")] == fetched
    write_model(tmp_path / "here")
    assert answer(load_model(folder)) == answer(load_model(tmp_path / "here"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert local_model("other/head-ct") == folder
    assert local_model("other/head-ct", access=Access(local_files_only=True)) == folder


def test_a_folder_wins_and_nobody_is_asked(hub, tmp_path):
    (tmp_path / "other" / "head-ct").mkdir(parents=True)
    asked = len(hub.asked)
    assert str(local_model("other/head-ct")) == "other/head-ct"
    assert len(hub.asked) == asked
    with pytest.raises(UsageError, match="which has no revision 'v1'"):
        local_model("other/head-ct", revision="v1")


def test_what_cannot_be_had_is_one_line(hub, monkeypatch):
    hub.repositories["other/gated"] = Repository(private=False, gated="manual")
    hub.repositories["other/bert"] = Repository(private=False, files={"config.json": b"{}"})
    for name, words in {
        "other/nothing": "no such model on the Hub, or a private one that your token does not open",
        "other/head-ct@v9": "has no revision 'v9'",
        "other/gated": "is gated; ask for access at http://127.0.0.1",
        "other/bert": "is no model of mmdx (it has no model.json)",
    }.items():
        with pytest.raises(UsageError) as refused:
            local_model(name)
        assert words in str(refused.value)
        assert len(refused.value.problems) == 1
    with pytest.raises(UsageError, match="give one of them"):
        local_model("other/head-ct@v1", revision="v2")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="cannot be reached, and no whole copy is on this machine; HF_HUB_OFFLINE is"):
        local_model("other/never-fetched")
