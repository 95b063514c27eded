"""What a run says of its data set, its training and its version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_by_hand import write_run

from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.origins import DataSet, Origin, read_origins
from mmdx.stats.cohort.sources import find_sources


def test_a_run_says_what_it_stands_on(tmp_path: Path):
    run = write_run(tmp_path)
    (origin,) = read_origins(find_sources([run], split="test", unit=None))
    assert origin == Origin("run", "folder", tmp_path.name, "store", 2, 2, version="1.0")
    assert read_cohort([run]).reader == "folder"


def test_a_cross_validation_learned_from_all_of_its_folds(tmp_path: Path):
    run = write_run(tmp_path)
    (run / "folds.csv").write_text("study_id,patient_id,fold\n" + "".join(f"s{i},p{i},{i % 3}\n" for i in range(8)))
    (origin,) = read_origins(find_sources([run], split="test", unit=None))
    assert (origin.studies, origin.patients, origin.folds) == (8, 8, 3)


def test_a_file_outside_of_runs_has_no_origin_and_a_broken_record_is_named(tmp_path: Path):
    run = write_run(tmp_path)
    apart = tmp_path / "apart.csv"
    apart.write_text((run / "predictions" / "test.csv").read_text())
    assert read_origins(find_sources([apart], split="test", unit=None)) == ()
    (run / "environment.json").write_text("{")
    with pytest.raises(DataError, match=r"environment\.json: cannot be read"):
        read_origins(find_sources([run], split="test", unit=None))
    (run / "environment.json").write_text(json.dumps({}))
    assert read_origins(find_sources([run], split="test", unit=None))[0].reader is None


def test_an_evaluation_on_a_second_cohort_names_both(tmp_path: Path):
    run = write_run(tmp_path)
    record = {"trained": {"reader": "rsna_ich", "studies": 20}, "second": {"reader": "cq500", "store": "theirs"}}
    (run / "predictions" / "evaluation.json").write_text(json.dumps(record))
    (source,) = find_sources([run], split="test", unit=None)
    assert source.of_second_cohort
    (origin,) = read_origins([source])
    assert origin == Origin("run", "rsna_ich", studies=20, second=DataSet("cq500", None, "theirs"))
    assert (origin.scored, Origin("run", "folder").scored) == ("cq500", "folder")
    assert read_cohort([run]).reader == "cq500"
    (run / "predictions" / "evaluation.json").write_text(json.dumps({"trained": {"raeder": 1}, "second": {}}))
    with pytest.raises(DataError, match="does not say what was scored"):
        read_origins(find_sources([run], split="test", unit=None))
    (run / "predictions" / "evaluation.json").write_text("{")
    with pytest.raises(DataError, match=r"evaluation\.json: cannot be read"):
        read_origins(find_sources([run], split="test", unit=None))


def test_a_run_says_which_texts_made_its_labels_and_which_were_known_before(tmp_path: Path):
    run = write_run(tmp_path)
    (run / "texts.json").write_text(json.dumps({"report": {}, "notes": {}}))
    config = {"data": {"provenance": {"before": ["notes"], "labels_from": ["impression"]}}}
    config["data"]["reports"] = {"drop_sections": ["findings"]}
    (run / "config.yaml").write_text(json.dumps(config))
    (origin,) = read_origins(find_sources([run], split="test", unit=None))
    assert origin.circular == {"report": "the impression of the report", "notes": "the impression of the notes"}
    assert origin.before == ("notes",)
    (run / "texts.json").unlink()  # as of an ensemble, whose studies say that they have a report
    (origin,) = read_origins(find_sources([run], split="test", unit=None))
    assert origin.circular == {"report": "the impression of the report"}
    (run / "texts.json").write_text(json.dumps({"report": {}}))
    (run / "config.yaml").write_text(json.dumps({"data": {"provenance": {"beffore": []}}}))
    with pytest.raises(DataError, match=r"data\.provenance or data\.reports is not as it was written"):
        read_origins(find_sources([run], split="test", unit=None))
