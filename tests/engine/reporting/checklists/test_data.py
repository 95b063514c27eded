"""What the files of a run say of its data, on a run that is written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_by_hand import write_run

from mmdx.engine.reporting.checklists.table import OF_DATA
from mmdx.engine.runs.files import RunFiles

SAYS = {
    "source": ["reader folder", "store ab12"],
    "excluded": ["8 studies of 8 patients", "20.0 % could not be read"],
    "flow": ["flow of studies, as a figure and in numbers"],
    "table_1": ["table 1, by split and by finding, with standardized mean differences"],
    "shift": [],  # it was not evaluated on a second cohort
    "split": ["studies by split: train 2 of 2 patients, val 2 of 2 patients, test 4 of 4 patients"],
    "dealt": ["dealt by patient, stratified by finding (val 0.25, test 0.5, seed 0)"],
    "disjoint": ["the patient: none in two parts"],
    "audit": ["audit: no leak between the splits; 1 warning (shortcut)"],
    "shortcuts": ["The number of images tells bleed; look at it."],
    "subsets": ["all studies of the store; all images of a study"],
    "preprocessing": [
        "images letter-boxed to 32 x 32 pixels",
        "image: view the default of its unit, 0 neighbours",
        "texts: as they are",
    ],
    "privacy": [
        "ids as in the source; no name, birth date or calendar date stored",
        "1 of 8 texts hold what looks like an identifier",
    ],
    "missing": ["0.0 % of studies without image", "12.5 % of studies without report"],
    "acquisition": ["images stand in order by position in 8 studies"],
    "characteristics": [
        "age: train 50.5 (SD 0.5), val 52.5 (SD 0.5), test 55.5 (SD 1.12)",
        "number of images: train 2 (SD 0), val 2 (SD 0), test 2 (SD 0)",
    ],
    "prevalence": ["positive among training studies: bleed 50.0 %"],
    "licence": ["the data's licence: cc-by-4.0"],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    run = write_run(tmp_path_factory.mktemp("by_hand"))
    return RunFiles(run, run)


@pytest.mark.parametrize("name", OF_DATA)
def test_a_whole_run_says_every_fact_of_its_data(files: RunFiles, name: str) -> None:
    assert [cell.text for cell in OF_DATA[name](files)] == SAYS[name]


@pytest.mark.parametrize("name", OF_DATA)
def test_an_empty_folder_says_nothing(tmp_path: Path, name: str) -> None:
    assert list(OF_DATA[name](RunFiles(tmp_path, tmp_path))) == []
