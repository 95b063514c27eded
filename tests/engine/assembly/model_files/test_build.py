"""Weights of a stranger: those of the model that the folder describes, or a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from strange_model import write_model

from mmdx.config_file import read_config
from mmdx.engine.assembly.model_files.build import fill, model_of
from mmdx.engine.assembly.model_files.facts_file import read_facts
from mmdx.engine.assembly.saved import load_model
from mmdx.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value.to(torch.int8), "is int8"),
        (lambda value: value.bool(), "is bool"),
        (lambda value: value * float("nan"), r"holds numbers that are none \(NaN or infinite\)"),
        (lambda value: value.reshape(-1)[:1], "does not hold this model's weights"),
    ],
)
def test_weights_that_no_training_leaves(folder: Path, change, said: str) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = sorted(weights)[0]
    save_file(weights | {name: change(weights[name])}, path)
    with pytest.raises(DataError, match=said) as caught:
        load_model(folder)
    assert str(caught.value).startswith(str(path))


def test_weights_in_half_precision_are_this_model_s(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: value.half() for name, value in weights.items()}, folder / "model.safetensors")
    assert next(load_model(folder).model.parameters()).dtype == torch.float32


def test_a_flipped_bit_is_damage(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.safetensors: is damaged"):
        load_model(folder)


@pytest.mark.parametrize("change", [{"dim": 10**9}, {"dim": 10**30}, {"dim": 5_000_000}])
def test_a_model_larger_than_its_weights_is_never_made(folder: Path, change: dict) -> None:
    config = read_config(folder / "config.yaml")
    config = config.model_copy(update={"model": config.model.model_copy(update=change)})
    facts = read_facts(folder, config)
    with pytest.raises(DataError, match=r"ask for a larger model|no model can be made") as caught:
        model_of(folder, config, facts)
    assert len(caught.value.problems) == 1


def test_strange_tensors_are_named(folder: Path) -> None:
    model = torch.nn.Linear(2, 1)
    with pytest.raises(DataError, match=r"x: does not hold this model's weights \(missing bias; unknown b\)"):
        fill(model, {"weight": torch.zeros(1, 2), "b": torch.zeros(1)}, Path("x"))
