"""The card of an evaluation on a second cohort."""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import ModelCard
from members import write_member
from run_by_hand import write_run

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.reporting.external_card import ExternalCard, external_card
from mmdx.files import RunLayout
from mmdx.stats.cohort.origins import DataSet, Origin
from mmdx.stats.comparison.compare import compare


def test_a_card_names_both_data_sets_and_what_was_carried_over(tmp_path: Path):
    run = RunLayout(write_run(tmp_path))
    saved = load_model(write_member(tmp_path / "model", seed=0))
    compared = compare([run.folder], resamples=100)
    trained = Origin("mine", "rsna_ich", "rsna", "rsna_ich-1", studies=20, patients=18)
    second = DataSet("cq500", "cq", "cq500-2")
    lines = ("'*any*' is the run's 'any'",)
    text = external_card(ExternalCard(run, run, saved, (compared, compared), trained, second, lines))
    assert "# mine on cq500 cq, store cq500" in text.replace("\\", "")
    assert "trained on rsna_ich rsna, store rsna_ich-1 (20 studies of 18 patients)" in text.replace("\\", "")
    assert "\\*any\\*" in text
    assert "of the validation studies" in text
    assert "Nothing was fitted on the second cohort." in text
    results = ModelCard(text).data.eval_results
    assert results
    assert results[0].dataset_revision == json.loads(run.environment.read_text())["store"]["fingerprint"]
    unknown = ExternalCard(run, run, saved, (compared, None), Origin("mine"), second, ())
    assert "trained on a data set not known, scored on" in external_card(unknown)
