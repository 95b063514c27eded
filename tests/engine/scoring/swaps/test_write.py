"""The file of swaps of a run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmdx.engine.scoring.swaps import write
from mmdx.engine.scoring.swaps.write import write_swaps
from mmdx.errors import DataError
from mmdx.stats.sections.inputs.files import read_swaps


@pytest.fixture
def run(run_of_two: Path, tmp_path: Path) -> Path:
    """A run of its own; the store lies where it lay."""
    return Path(shutil.copytree(run_of_two, tmp_path / "run"))


def test_the_file_holds_everything(run: Path):
    path = write_swaps(run)
    assert path == run / "predictions" / "test_swaps.safetensors"
    swaps = read_swaps(path)
    assert swaps.inputs == ("image", "report")
    assert set(swaps.shown) == {"image", "report", "image+report"}
    assert len(swaps.studies) == swaps.of == 24
    assert {name: of.shape for name, of in swaps.pairs.items()} == dict.fromkeys(swaps.inputs, (24, 24, 1))
    assert len(swaps.texts) == 4
    assert swaps.changed["report: negations flipped"].all()


def test_few_studies_are_drawn_the_same_each_time(run: Path):
    few = read_swaps(write_swaps(run, most=12)).studies
    assert (len(few), read_swaps(write_swaps(run, most=12)).studies) == (12, few)
    assert few != read_swaps(write_swaps(run)).studies[:12]


def test_too_few_studies_with_every_input_are_refused(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(write, "_has", lambda saved, store, row, name: row % 9 == 0 or name == "image")
    with pytest.raises(DataError, match=r"of 24 test studies have every input of the model; .* among 10 or more"):
        write_swaps(run)
