"""What the files of a run say of its model, on a run that is written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_by_hand import write_run

from mmdx.engine.reporting.checklists.table import OF_MODEL
from mmdx.engine.runs.files import RunFiles
from mmdx.files import RunLayout

BEGIN = {
    "findings": "answers bleed",
    "technology": "deep learning on image and report",
    "inputs": "image: images",
    "model": "image: test_patches",
    "output": "one score from 0 to 1 per finding, not calibrated",
    "software": "mmdx 1.0",
    "initialisation": "seed 0",
    "training": "AdamW, lr ",
    "augmentation": "modality dropout 0.3",
    "selection": "the epoch of the best macro AUROC of validation studies",
    "ensemble": "none: one model",
    "imbalance": "loss bce",
    "absence": "an absent input has a learned stand-in",
    "orders": "images read certified; order unknown in 1 studies whose order the model minds",
    "showings": "scored with image+report, image, report",
    "baselines": "held against baseline: prevalence",
    "tested": "the test split: 4 studies of 4 patients",
    "sizes": "the test split: 4 studies of 4 patients",
    "by_outcome": "positive among those tested: bleed 2 of 4",
    "metrics": "AUROC, ",
    "uncertainty": "95 % intervals: patient bootstrap, percentile, 100 resamples",
    "performance": "macro means with image+report: AUROC 1.000",
    "by_finding": "AUROC: bleed 1.000",
    "scores": "score and label of every study",
    "record": "every option, defaults too",
    "available": "the model, read by mmdx predict",
}
"""How the first cell of each fact begins."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = write_run(tmp_path_factory.mktemp("by_hand"))
    return RunFiles(run, run)


@pytest.mark.parametrize("name", [name for name in OF_MODEL if name != "external"])  # test_table.py evaluates it
def test_a_whole_run_says_every_fact_of_its_model(files: RunFiles, name: str) -> None:
    first, *_ = [cell.text for cell in OF_MODEL[name](files)]
    assert first.startswith(BEGIN[name])


def test_the_best_epoch_is_that_of_the_log(files: RunFiles) -> None:
    assert [str(cell) for cell in OF_MODEL["selection"](files)][1] == "epoch 2, 0.700 (log.jsonl: val_auroc)"


@pytest.mark.parametrize("name", OF_MODEL)
def test_an_empty_folder_says_nothing(tmp_path: Path, name: str) -> None:
    assert list(OF_MODEL[name](RunFiles(tmp_path, tmp_path))) == []


def test_the_primary_finding_leads(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    config, metrics = RunLayout(run).config, RunLayout(run).metrics
    config.write_text(config.read_text().replace("primary: null", "primary: bleed"))
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"primary_finding": "bleed"}))
    files = RunFiles(run, run)
    epoch = next(cell.text for cell in OF_MODEL["selection"](files))
    assert epoch == "the epoch of the best AUROC for bleed of validation studies"
    first, second = OF_MODEL["performance"](files)
    assert first.text.startswith("primary finding, bleed, with image+report: AUROC 1.000")
    assert second.text.startswith("macro means with image+report")
