"""Selections as a file beside the checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from parts import VECTOR_FACTS, WIDTH, config_of, model_of

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.training.selection import load_selections, write_selections
from mmdx.errors import DataError
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.model import MultimodalModel


def selecting_model() -> MultimodalModel:
    """A model that reads two values of each descriptor."""
    section = {"encoder": "plain", "sequence": "max", "select": {"type": "pca", "components": 2}}
    inputs = {**VECTOR_FACTS.inputs, "report": replace(VECTOR_FACTS.inputs["report"], selected=2)}
    facts: ModelFacts = replace(VECTOR_FACTS, inputs=inputs)
    return model_of(config_of(report=section), facts)


def test_a_selection_is_kept_as_numbers(tmp_path: Path):
    path, model = tmp_path / "checkpoints" / "selections.safetensors", selecting_model()
    matrix = torch.zeros(WIDTH, 2)
    matrix[0, 0] = matrix[1, 1] = 1
    write_selections(path, {"report.mean": torch.arange(float(WIDTH)), "report.matrix": matrix})
    load_selections(path, model)
    branch = model.branches["report"]
    assert isinstance(branch, VectorBranch)
    assert branch.select is not None
    assert branch.select(torch.full((1, WIDTH), 5.0)).tolist() == [[5.0, 4.0]]


def test_a_model_without_selections_needs_no_file(tmp_path: Path):
    load_selections(tmp_path / "none", model_of(config_of()))


def test_a_file_that_lacks_a_selection_is_refused(tmp_path: Path):
    path = tmp_path / "selections.safetensors"
    write_selections(path, {})
    with pytest.raises(DataError, match=r"selections\.safetensors: cannot be read .*; start a new run"):
        load_selections(path, selecting_model())
