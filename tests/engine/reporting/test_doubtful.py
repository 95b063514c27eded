"""The page of doubtful labels: its sentences, its pictures, and the table beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from doubted import WRONG, write_doubted
from rich.console import Console
from tiny import SIDE, write_cohort

from mmdx.engine.intake.prepare import StoreOptions, prepare_source
from mmdx.engine.reporting.doubtful import sentences, write_doubtful
from mmdx.errors import UsageError
from mmdx.stats.doubtful import find_doubtful


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 24 studies, and a run on it that scores slices, too."""
    home = tmp_path_factory.mktemp("doubted")
    source = write_cohort(home / "studies", patients=24)
    options = StoreOptions(size=SIDE)
    prepare_source(source, home / "store", reader="folder", store=options, console=Console(quiet=True))
    write_doubted(home / "run", store=home / "store", slices=True, patients=24)
    return home


def test_the_page_shows_what_is_doubted_and_the_table_names_it(home: Path):
    written = write_doubtful(find_doubtful(home / "run", top=3), home / "out")
    page = written.page.read_text(encoding="utf-8")
    assert written.pictures == 6  # of three studies and of three slices
    assert page.count("data:image/png;base64,") == 6
    assert "labelled present; score 0.0" in page
    assert "The audit names it, too: contradictory labels." in page
    assert "rare (study): 2 patients with the finding, and 5 are needed." in page
    table = pd.read_csv(written.table, dtype=str, keep_default_na=False)
    assert sorted(table.loc[table["level"] == "study", "study_id"][:3]) == list(WRONG)
    assert sorted(path.name for path in (home / "out").iterdir()) == ["doubtful.csv", "doubtful.html"]


def test_a_sentence_says_what_chance_would_have_it(home: Path):
    said = sentences(find_doubtful(home / "run", finding="bleed"))
    assert said[0].startswith("bleed: of 24 labels of studies of 24 patients, 3 (95 % interval ")
    assert "are marked. Were every label right, " in said[0]


def test_without_the_store_there_are_no_pictures_and_a_note_says_why(tmp_path: Path):
    written = write_doubtful(find_doubtful(write_doubted(tmp_path / "run")), tmp_path / "out")
    assert written.pictures == 0
    assert "No pictures: no run says which store it stands on." in written.page.read_text(encoding="utf-8")


def test_a_file_is_no_folder(tmp_path: Path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="out: is a file; give a folder"):
        write_doubtful(find_doubtful(write_doubted(tmp_path / "run")), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
