"""Weights that a training begins from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from parts import config_of, model_of

from mmdx.engine.training.start import load_start, transferred, write_start
from mmdx.errors import DataError


def test_what_fits_is_taken_and_the_rest_stays(tmp_path: Path):
    torch.manual_seed(0)
    source, model = model_of(config_of()), model_of(config_of())
    for value in source.parameters():
        torch.nn.init.constant_(value, 0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = transferred(source, {"image": "image"}, model)
    write_start(tmp_path / "checkpoints" / "start.safetensors", state)
    load_start(tmp_path / "checkpoints" / "start.safetensors", model)
    for name, value in model.state_dict().items():
        expected = source.state_dict()[name] if name.startswith("branches.image.") else before[name]
        assert torch.equal(value, expected), name


def test_other_shapes_and_names_are_left_out():
    source, model = model_of(config_of()), model_of(config_of())
    assert transferred(source, {"image": "report"}, model).keys() <= {
        f"branches.image.{name}" for name in source.branches["report"].state_dict()
    }
    own = model.branches["image"].state_dict()
    assert all(
        value.shape == own[name.removeprefix("branches.image.")].shape
        for name, value in transferred(source, {"image": "report"}, model).items()
    )


def test_no_file_changes_nothing_and_a_broken_one_is_refused(tmp_path: Path):
    model = model_of(config_of())
    load_start(tmp_path / "none.safetensors", model)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"broken\.safetensors: cannot be read"):
        load_start(tmp_path / "broken.safetensors", model)
    write_start(tmp_path / "other.safetensors", {"branches.none.weight": torch.zeros(1)})
    with pytest.raises(DataError, match=r"holds branches\.none\.weight, which this model has not"):
        load_start(tmp_path / "other.safetensors", model)
