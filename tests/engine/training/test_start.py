"""Weights that a training begins from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from parts import FACTS, IMAGES, config_of, model_of

from mmdx.engine.training.start import load_start, transferred, write_start
from mmdx.errors import DataError
from mmdx.models.facts import InputFacts


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


def test_sides_that_pair_one_to_one_share_fusion_and_heads():
    """Under the names that they have in the new model: what is said of `image` there was learnt of `other`."""
    facts = replace(FACTS, inputs={"image": InputFacts("images"), "other": InputFacts("images")})
    heads = {"study": {"type": "study", "blend": True}, "slice": "slice"}
    model = model_of(config_of(inputs={"image": IMAGES}, heads=heads, fusion="gated"), facts)
    source = model_of(config_of(inputs={"other": IMAGES}, heads=heads, fusion="gated"), facts)
    state = transferred(source, {"image": "other"}, model)
    kinds = {name.split(".")[0] for name in state}
    assert {"branches", "fusion", "heads"} <= kinds
    for name, value in state.items():
        taken = source.state_dict()[name.replace(".image.", ".other.")]
        assert torch.equal(value, taken), name
        assert model.state_dict()[name].shape == value.shape
    model.load_state_dict(state, strict=False)


def test_other_shapes_and_names_are_left_out():
    source, model = model_of(config_of()), model_of(config_of())
    own = model.branches["image"].state_dict()
    for name, value in transferred(source, {"image": "report"}, model).items():
        assert value.shape == own[name.removeprefix("branches.image.")].shape


def test_no_file_changes_nothing_and_a_broken_one_is_refused(tmp_path: Path):
    model = model_of(config_of())
    load_start(tmp_path / "none.safetensors", model)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"broken\.safetensors: cannot be read"):
        load_start(tmp_path / "broken.safetensors", model)
    write_start(tmp_path / "other.safetensors", {"branches.none.weight": torch.zeros(1)})
    with pytest.raises(DataError, match=r"holds branches\.none\.weight, which this model has not"):
        load_start(tmp_path / "other.safetensors", model)
