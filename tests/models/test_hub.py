"""What lies on this machine is found, and a hub that does not answer is told in words, and soon."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mmdx.models import hub
from mmdx.models.hub import downloaded, out_of_reach


def test_what_an_earlier_download_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "models--lab--net" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "pytorch_model.bin").write_text("")
    (tmp_path / "models--lab--net" / "refs").mkdir()
    (tmp_path / "models--lab--net" / "refs" / "main").write_text("abc")
    found = hub.try_to_load_from_cache
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda name, file: found(name, file, cache_dir=tmp_path))
    assert downloaded("lab/net", "model.safetensors", "pytorch_model.bin") == snapshot / "pytorch_model.bin"
    assert downloaded("lab/other", "model.safetensors") is None
    assert downloaded("no/name/of/the hub", "model.safetensors") is None


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_answer", lambda endpoint: pytest.fail("the hub was asked"))
    assert out_of_reach() == "HF_HUB_OFFLINE is set"


def test_a_hub_that_is_silent_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", False)
    assert "cannot be reached: a test reached for the network" in str(out_of_reach())
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    monkeypatch.setattr(hub, "_answer", lambda endpoint: time.sleep(3))
    assert str(out_of_reach()).endswith("gave no answer within 0.1 s")
    monkeypatch.setattr(hub, "_answer", lambda endpoint: None)
    monkeypatch.setattr(hub, "PATIENCE", 30.0)
    assert out_of_reach() is None
