"""Selections as a file beside the checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cohorts import folder_cohort, prepared
from parts import VECTOR_FACTS, WIDTH, config_of, model_of

from mmdx.config_file import parse_config
from mmdx.data.text.terms import fit_components
from mmdx.engine.assembly.facts import ModelFacts, facts_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.texts import build_tokenizers, reports_of
from mmdx.engine.training.selection import fit_selections, load_selections, write_selections
from mmdx.errors import DataError
from mmdx.models.branches.text import TextBranch
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


def test_the_components_of_reports_are_fitted_on_training_studies(tmp_path: Path):
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    inputs = {"report": {"encoder": {"type": "bag_and_sequence", "rank": 3, "embedding": 4, "hidden": 4}}}
    config = resolve(parse_config({"data": {"store": str(store.folder)}, "model": {"inputs": inputs}}, "test"))
    rows, path = [0, 1, 2, 4, 5], tmp_path / "selections.safetensors"
    tokenizers = build_tokenizers(config, store, rows)
    facts, buffers = fit_selections(config, store, rows, facts_of(config, store, tokenizers, rows), tokenizers)
    terms, reports = facts.inputs["report"].terms, list(reports_of(config, store, rows, "report"))
    assert terms is not None
    mean, matrix = fit_components(terms, tokenizers["report"], reports, rank=3, seed=config.seed)
    assert len(mean) == len(terms.words) + len(terms.pairs)
    write_selections(path, buffers)
    model = build_model(config, facts)[0]
    load_selections(path, model)
    branch = model.branches["report"]
    assert isinstance(branch, TextBranch)
    selection = branch.encoder.selection()
    assert selection is not None
    assert (selection.mean.tolist(), selection.matrix.tolist()) == (mean.tolist(), matrix.tolist())


def test_a_model_without_selections_needs_no_file(tmp_path: Path):
    load_selections(tmp_path / "none", model_of(config_of()))


def test_a_file_that_lacks_a_selection_is_refused(tmp_path: Path):
    path = tmp_path / "selections.safetensors"
    write_selections(path, {})
    with pytest.raises(DataError, match=r"selections\.safetensors: cannot be read .*; start a new run"):
        load_selections(path, selecting_model())
