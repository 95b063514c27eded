"""Whose weights a model was built on, as far as that is known."""

from __future__ import annotations

import pytest
from fake_hub import Repository, serving

from mmdx.config_file import parse_config
from mmdx.engine.sharing.origins import Origin, origins_of


def config_of(image=None, text=None):
    inputs = {"image": {"encoder": image or "timm"}, "report": {"encoder": text or "bilstm_attention"}}
    return parse_config({"data": {"store": "store"}, "model": {"inputs": inputs}}, "test")


def test_weights_drawn_at_random_are_nobodys():
    assert origins_of([config_of({"type": "timm", "name": "resnet18", "pretrained": None})], ask=True) == []


def test_timm_knows_its_own_and_a_file_is_unknown():
    own = config_of({"type": "timm", "name": "resnet18", "pretrained": "hub"})
    assert origins_of([own, own], ask=True) == [Origin("image", "timm/resnet18.a1_in1k", "apache-2.0", None)]
    other = origins_of([config_of({"type": "timm", "name": "resnet18", "pretrained": "/home/me/w.pth"})], ask=True)
    assert other == [Origin("image", None)]
    assert other[0].words == "image: weights of a file or a package, whose origin and licence are unknown here"


@pytest.mark.parametrize(
    ("gated", "words"), [("manual", "gated: its terms hold for what is made of it"), (False, "not gated")]
)
def test_the_hub_is_asked_what_it_knows(gated, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = {"type": "transformer", "source": "mine/bert"}
    with serving(monkeypatch, tmp_path / "cache") as hub:
        assert origins_of([config_of(text=text)], ask=True) == [Origin("report", "mine/bert")]
        hub.repositories["mine/bert"] = Repository(private=False, licence="cc-by-nc-4.0", gated=gated)
        found = origins_of([config_of(text=text)], ask=True)
        asked = len(hub.asked)
        assert origins_of([config_of(text=text)], ask=False) == [Origin("report", "mine/bert")]
        assert len(hub.asked) == asked
    assert found == [Origin("report", "mine/bert", "cc-by-nc-4.0", bool(gated))]
    assert found[0].words == f"report: mine/bert, licence cc-by-nc-4.0, {words}"
