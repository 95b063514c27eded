"""One untrained model that the tests of whole studies ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from handed_over import write_model


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a model of CT and a report."""
    home = tmp_path_factory.mktemp("served") / "mine"
    write_model(home / "checkpoints" / "best")
    return home
