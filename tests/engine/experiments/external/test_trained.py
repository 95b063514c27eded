"""The studies that taught a run, as far as they are at hand."""

from __future__ import annotations

from pathlib import Path

from cohorts import folder_cohort, prepared
from members import write_member
from rich.console import Console

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.external.inputs import layout_for
from mmdx.engine.experiments.external.trained import Trained, trained_on
from mmdx.files import RunLayout, write_json

QUIET = Console(quiet=True)


def test_a_run_gives_its_training_studies_and_those_that_chose_its_epochs(tmp_path: Path):
    saved = load_model(write_member(tmp_path / "model", seed=0))
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    run = RunLayout(tmp_path / "run")
    write_json(run.environment, {"store": {"folder": str(store.folder), "fingerprint": store.fingerprint}})
    run.splits.write_text((store.folder / "splits.csv").read_text())
    trained = trained_on(run, saved, QUIET)
    assert trained.train == store.splits.rows("train")
    assert trained.learned == store.splits.joined().rows("train")
    (part,) = trained.part(0, layout_for(saved))
    assert (part.names.findings, part.names.modalities) == (
        {"bleed": "bleed"},
        {"image": "image", "report": "report"},
    )
    write_json(run.final, {"members": 1})
    assert trained_on(run, saved, QUIET).train == trained.learned
    run.folds.write_text("")
    assert trained_on(run, saved, QUIET).train == list(range(10))


def test_what_is_not_at_hand_is_said(tmp_path: Path):
    saved = load_model(write_member(tmp_path / "model", seed=0))
    run = RunLayout(tmp_path / "run")
    alone = trained_on(run, saved, QUIET)
    assert "does not say on what it was trained" in (alone.missing or "")
    assert alone.part(0, layout_for(saved)) == []
    write_json(run.environment, {"store": {"folder": str(tmp_path / "gone"), "fingerprint": "0"}})
    assert "is not there" in (trained_on(run, saved, QUIET).missing or "")
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    write_json(run.environment, {"store": {"folder": str(store.folder), "fingerprint": "0"}})
    assert "is not the store" in (trained_on(run, saved, QUIET).missing or "")
    assert Trained().store is None
