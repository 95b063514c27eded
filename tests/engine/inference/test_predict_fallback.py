"""From one checkpoint of any fusion: everything shown, and each modality alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from accelerate import Accelerator
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import inverse_document_frequencies
from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import open_store
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.scoring.score import score_rows
from mmdx.registry import FUSIONS
from mmdx.study import ImageFiles, ImageRef, Order, Study

KEYS = ["study_id", "finding"]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with studies of which the last six have no report."""
    home = tmp_path_factory.mktemp("fallback")
    write_cohort(home / "raw", reports=30)
    return home


def trained(cohort: Path, folder: Path, *overrides: str) -> Path:
    config = read_config(write_config(folder / "tiny.yaml", cohort / "raw", epochs=1), overrides)
    return train(resolve(config), name="tiny", console=QUIET).run.folder


@pytest.mark.parametrize("fusion", FUSIONS.names())
def test_one_checkpoint_answers_with_any_modality_withheld(cohort: Path, tmp_path: Path, fusion: str) -> None:
    run = trained(cohort, tmp_path, f"model.fusion={fusion}")
    table = pd.read_csv(run / "predictions" / "test.csv")
    shown = {name: part.set_index(KEYS)["score"] for name, part in table.groupby("shown")}
    assert set(shown) == {"image+report", "image", "report"}
    assert table["score"].between(0, 1).all()

    saved, (store,) = load_model(run / "checkpoints" / "best"), map(Store, (tmp_path / "stores").iterdir())
    rows = range(len(store))
    whole, fallback = (
        score_rows(saved, store, rows, names, Accelerator(cpu=True))[0].set_index(KEYS)["score"]
        for names in (["image", "report"], ["image"])
    )
    without = [store.read(row).text("report") is None for row in rows]
    lacking = whole.index.get_level_values("study_id").isin(np.array(store.study_ids)[without])
    assert 0 < lacking.sum() < len(whole)
    # Withheld is the same as absent; and where there was a report, it counted.
    np.testing.assert_allclose(whole[lacking], fallback[lacking], atol=1e-6)
    assert (whole[~lacking] - fallback[~lacking]).abs().max() > 1e-6

    image = ImageFiles((ImageRef(cohort / "raw" / "00_0.png"),), Order("given"))
    alone = predict_study(saved, Study("s00", "p00", {"image": image}))
    assert (alone.shown, alone.missing) == ("image", ("report",))
    for finding, score in alone.findings.items():
        assert score == pytest.approx(fallback["s00", finding], abs=1e-5)


def test_words_are_weighed_by_training_reports_alone_and_kept_with_the_run(cohort: Path, tmp_path: Path) -> None:
    run = trained(cohort, tmp_path, "model.inputs.report=tfidf")
    config = resolve(read_config(run / "config.yaml"))
    store = open_store(config, QUIET)
    rows = store.splits.rows("train")
    tokenizer = build_tokenizers(config, store, rows)["report"]
    reports = [store.read(row).text("report") or "" for row in rows]
    kept = load_model(run / "checkpoints" / "best").facts.inputs["report"].idf
    assert kept == inverse_document_frequencies(tokenizer, reports)
    everyone = facts_of(config, store, {"report": tokenizer}, range(len(store))).inputs["report"].idf
    assert kept != everyone
