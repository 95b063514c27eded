"""A finished run of two inputs, trained once for all tests of what lies above it."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest

import mmdx


@pytest.fixture(scope="session")
def run_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder: descriptors of an image and a short report, `late` fusion, with a stack beside the network."""
    home = tmp_path_factory.mktemp("two")
    reader = {"type": "planted_inputs", "kind": "additive", "patients": 60}
    words = {"type": "bilstm_attention", "embedding": 8, "hidden": 8}
    encoders = {"image": "mlp", "report": {"encoder": words}}
    config = {
        "plugins": ["planted_inputs"],
        "data": {"reader": reader, "source": str(home / "raw"), "store": str(home / "store"), "split": {"test": 0.4}},
        "model": {"inputs": encoders, "fusion": "late", "dim": 8},
        "train": {"epochs": 2, "lr": 0.02, "studies": 32, "final": {"type": "refit", "folds": 2}},
    }
    checked = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)  # shapes of a whole training are checked elsewhere
    try:
        return mmdx.train(config, run=home / "run").folder
    finally:
        jaxtyping.config.update("jaxtyping_disable", checked)
