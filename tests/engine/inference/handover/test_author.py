"""Who answers, by what the run folder says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from handed_over import write_model

from mmdx.engine.assembly.saved import load_model, weights_digest
from mmdx.engine.inference.handover.author import author_of


def test_a_model_is_called_after_its_run_and_told_by_its_weights(tmp_path: Path) -> None:
    best = write_model(tmp_path / "runs" / "mine" / "checkpoints" / "best")
    author = author_of(load_model(best), tmp_path / "runs" / "mine")
    assert (author.model, author.data, author.digest) == ("mine", "dicom: chest_2024", weights_digest(best))
    assert author_of(load_model(best), best) == author
    assert author.facts == f"model mine; weights {author.digest} (BLAKE2b); data dicom: chest_2024"


def test_a_model_folder_that_moved_is_called_by_its_own_name_and_is_the_same_device(tmp_path: Path) -> None:
    best = write_model(tmp_path / "mine" / "checkpoints" / "best")
    moved = Path(shutil.copytree(best, tmp_path / "given"))
    saved = load_model(best)
    there, here = author_of(saved, moved), author_of(saved, best)
    assert (there.model, there.uid) == ("given", here.uid)
    assert author_of(replace(saved, others=(saved,)), moved).facts.endswith("; 2 models answer together")
