"""What is withheld of reports is withheld wherever a model meets one, and told with every result."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.store import open_store
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.inference.prediction import Prediction
from mmdx.errors import DataError
from mmdx.schema import ReportOptions
from mmdx.study import ImageFiles, ImageRef, Order, Study

WITHHELD = "data.reports={mask: [fall], drop_sections: [impresion]}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a cohort (`raw`), a run on it (`run`) of which "fall" was masked, and what was said on the way."""
    home = tmp_path_factory.mktemp("reports")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    with redirect_stdout(StringIO()) as said:
        train(resolve(read_config(config, [WITHHELD])), name="tiny", console=Console())
    return home, said.getvalue()


@pytest.fixture(scope="module")
def saved(trained: tuple[Path, str]) -> SavedModel:
    return load_model(trained[0] / "run" / "checkpoints" / "best")


def told(saved: SavedModel, report: str | None, study: Study) -> Prediction:
    return predict_study(saved, study, reports={} if report is None else {"report": report})


def image_study(home: Path, report: str = "") -> Study:
    files = ImageFiles((ImageRef(home / "raw" / "00_0.png"),), Order("given"))
    return Study("s", "p", {"image": files, **({"report": report} if report else {})})


def vocabulary(home: Path, *overrides: str) -> list[str]:
    config = resolve(read_config(home / "tiny.yaml", overrides))
    store: Store = open_store(config, Console(quiet=True))
    tokenizer = build_tokenizers(config, store, store.splits.rows("train"))["report"]
    return tokenizer.words(range(tokenizer.vocabulary))


def test_a_masked_term_never_reaches_the_vocabulary(trained: tuple[Path, str]) -> None:
    assert "fall" in vocabulary(trained[0])
    masked = vocabulary(trained[0], WITHHELD)
    assert "fall" not in masked
    assert {"masked", "history"} <= set(masked)


def test_the_saved_tokenizer_does_not_know_it_either(trained: tuple[Path, str]) -> None:
    files = list((trained[0] / "run" / "checkpoints" / "best" / "tokenizers").rglob("*.json"))
    assert files
    assert not any('"fall"' in file.read_text() for file in files)


def test_a_prediction_reads_a_report_alike(trained: tuple[Path, str], saved: SavedModel) -> None:
    plain = image_study(trained[0])
    given = told(saved, "history of a fall on the head", plain)
    by_hand = told(saved, "history of a [MASKED] on the head", plain)
    own = told(saved, None, image_study(trained[0], "history of a FALL on the head"))
    assert given.findings == by_hand.findings == own.findings
    assert given.findings != told(saved, "history of headache on the head", plain).findings
    assert given.reports_without == "the sections 'impresion'; the terms 'fall'"


def test_a_report_of_which_nothing_is_left_is_absent_and_said(trained: tuple[Path, str], saved: SavedModel) -> None:
    alone = told(saved, None, image_study(trained[0]))
    empty = told(saved, "IMPRESION: a fall", image_study(trained[0]))
    assert (empty.shown, empty.findings) == ("image", alone.findings)
    assert empty.problems == ("nothing is left of the report, read without the sections 'impresion'; the terms 'fall'",)
    with pytest.raises(DataError, match="nothing is left of the report"):
        told(saved, "IMPRESION: a fall", Study("s", "p", {}))


def test_it_is_recorded_with_the_result(trained: tuple[Path, str]) -> None:
    run, said = trained[0] / "run", trained[1]
    assert "\nReports were read without the sections 'impresion'; the terms 'fall'.\n" in (run / "card.md").read_text()
    recorded = json.loads((run / "metrics.json").read_text())["reports"]
    assert recorded == {"keep_sections": [], "drop_sections": ["impresion"], "mask": ["fall"]}
    assert read_config(run / "config.yaml").data.reports == ReportOptions(drop_sections=("impresion",), mask=("fall",))
    assert "data.reports: no training report has a section 'impresion'" in said
