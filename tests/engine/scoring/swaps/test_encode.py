"""Studies encoded once are answered as studies are that pass a whole model."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from accelerate import Accelerator

from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.runs.record import splits_of
from mmdx.engine.scoring.swaps.encode import encode_studies, study_logits
from mmdx.files import RunLayout


@pytest.fixture(scope="module")
def asked(run_of_two: Path):
    """A model, its store, and its test rows."""
    saved = load_model(RunLayout(run_of_two).best)
    store = Store(run_of_two.parent / "store")
    return saved, store, splits_of(RunLayout(run_of_two), store).rows("test")


def scores_of(run: Path, shown: str) -> dict[str, float]:
    table = pd.read_csv(RunLayout(run).scores("test"), dtype={"study_id": str})
    return table.loc[table["shown"] == shown].set_index("study_id")["score"].to_dict()


@pytest.mark.parametrize("shown", ["image+report", "image", "report"])
def test_answers_are_those_of_the_predictions(asked, run_of_two: Path, shown: str):
    saved, store, rows = asked
    assert saved.model.stack is not None
    encoded = encode_studies(saved, store, rows, Accelerator(cpu=True))
    seen = torch.tensor([name in shown.split("+") for name in saved.model.branches])
    head = next(iter(saved.model.heads_of("study").values()))
    logits = study_logits(saved.model, "study", encoded, encoded.present & seen)
    told = dict(zip(encoded.studies, head.probabilities(logits)[:, 0].tolist(), strict=True))
    assert told == pytest.approx(scores_of(run_of_two, shown), abs=1e-5)


def test_rows_stand_in_the_order_that_was_asked_for_and_lend_row_by_row(asked):
    saved, store, rows = asked
    encoded = encode_studies(saved, store, rows[::-1], Accelerator(cpu=True))
    assert encoded.studies == tuple(store.study_ids[row] for row in rows[::-1])
    back = encoded.at(torch.arange(len(rows)).flip(0))
    lent = encoded.lending("report", back)
    assert torch.equal(lent.features["report"].pooled, back.features["report"].pooled)
    assert torch.equal(lent.features["image"].pooled, encoded.features["image"].pooled)
    assert torch.equal(lent.alone["linear report"], back.alone["linear report"])
    assert torch.equal(lent.alone["linear image"], encoded.alone["linear image"])
    assert len(lent) == len(rows)
