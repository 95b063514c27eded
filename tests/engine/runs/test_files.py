"""The files of a run, read back under the keys that a reader finds again."""

from __future__ import annotations

from pathlib import Path

from mmdx.engine.runs.files import Cell, RunFiles, dropout_words, licence_of_store
from mmdx.files import RunLayout, write_json, write_text


def test_a_cell_says_where_it_is_from() -> None:
    assert str(Cell("12.3 %", "environment.json: store.quarantined")) == "12.3 % (environment.json: store.quarantined)"


def test_values_by_dotted_key(tmp_path: Path) -> None:
    write_text(RunLayout(tmp_path).config, "model:\n  dim: 8\n")
    files = RunFiles(tmp_path, tmp_path / "none")
    assert files.value("config.yaml", "model.dim") == 8
    assert files.value("config.yaml", "model.dim.of") is None
    assert files.value("metrics.json", "reference") is None


def test_the_facts_of_studies_are_the_columns_behind_the_first_three(tmp_path: Path) -> None:
    write_text(RunLayout(tmp_path).studies, "study_id,patient_id,split,age,sex\ns0,p0,train,63,F\ns1,p1,test,,M\n")
    assert RunFiles(tmp_path, tmp_path).studies == {"age": ["63", ""], "sex": ["F", "M"]}


def test_a_cross_validation_shows_what_its_first_fold_has(tmp_path: Path) -> None:
    run = RunLayout(tmp_path)
    write_text(run.folds, "study_id,patient_id,fold\ns0,p0,1\ns1,p1,0\n")
    write_json(run.fold(0).audit, {"verdict": "sound"})
    write_text(run.fold(0).log, '{"step": 1}\n')
    files = RunFiles(tmp_path, tmp_path)
    assert files.value("audit.json", "verdict") == "sound"
    assert files.log == [{"step": 1}]
    assert (files.parts, files.part_key) == ([("1", "p0"), ("0", "p1")], "folds.csv: fold")


def test_scores_are_of_slices_where_there_are_none_of_studies(tmp_path: Path) -> None:
    run, files = RunLayout(tmp_path), RunFiles(tmp_path, tmp_path)
    assert (files.scores, files.baselines()) == ("predictions/test.csv", [])
    write_text(run.predictions / "test_slices.csv", "")
    write_text(run.predictions / "test_slices_baselines.csv", "shown\nconstant\nslice position\nconstant\n")
    assert files.scores == "predictions/test_slices.csv"
    assert files.baselines() == ["constant", "slice position"]


def test_estimates_of_the_fullest_showing_and_of_the_others(tmp_path: Path) -> None:
    rows = [("image+report", None), ("image+report", "bleed"), ("image", None), ("image", "bleed")]
    estimates = [{"arm": arm, "finding": finding} for arm, finding in rows]
    write_json(RunLayout(tmp_path).metrics, {"reference": "image+report", "estimates": estimates})
    files = RunFiles(tmp_path, tmp_path)
    assert list(files.estimates(finding=True)) == [estimates[1]]
    assert list(files.estimates(finding=False, model=False)) == [estimates[2]]


def test_the_licence_that_the_card_of_a_store_names(tmp_path: Path) -> None:
    assert licence_of_store(tmp_path) is None
    for licence, answer in (("cc-by-4.0", "cc-by-4.0"), ("other", None)):
        write_text(tmp_path / "card.md", f"---\nlicense: {licence}\n---\n# Store\n")
        assert licence_of_store(tmp_path) == answer


def test_dropout_in_words() -> None:
    assert dropout_words(0.3) == "0.3"
    assert dropout_words({"image": 0.2, "report": 0.5}) == "image 0.2, report 0.5"
