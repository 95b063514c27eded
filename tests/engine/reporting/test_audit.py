"""`mmdx audit` on stores whose faults are known, and the verdict that a training repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cohorts
import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx import cli
from mmdx.config_file import parse_config, read_config
from mmdx.data.splits.splits import Splits, write_splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.run import train
from mmdx.engine.intake.prepare import parse_words, prepare_source
from mmdx.engine.reporting import audit as reporting_audit
from mmdx.engine.reporting.audit import AUDIT_FILE, audit_for, audit_store, verdict_for
from mmdx.kinds import KINDS


def mmdx(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


PHANTOM = ("size=32", "patients=80", "matrix=64", "prevalence=0.15", "missing_enhanced=1")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The exit code and the result of an audit of a phantom cohort with one fault planted, or none."""
    home, done = tmp_path_factory.mktemp("phantom"), {}

    def audit(fault: str) -> tuple[int, dict[str, Any]]:
        if fault not in done:
            options = [*PHANTOM, *([fault] if fault else [])]
            made, words = parse_words("phantom", options)
            places, console = (home / f"raw{fault}", home / f"store{fault}"), Console(quiet=True)
            store = prepare_source(*places, reader="phantom", options=words, store=made, console=console)
            code = mmdx("audit", store.folder)
            done[fault] = (code, json.loads((store.folder / AUDIT_FILE).read_text()))
        return done[fault]

    return audit


def worse_than_notes(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found["severity"], found["kind"]) for found in result["findings"] if found["severity"] != "note"]


def test_a_clean_phantom_is_clean(audited: Any) -> None:
    code, result = audited("")
    assert worse_than_notes(result) == []
    assert code == 0
    assert result["verdict"] == "no leak between the splits; no warning"


def test_planted_duplicates_leak(audited: Any) -> None:
    code, result = audited("duplicates=0.3")
    assert code == 1
    first = result["findings"][0]
    assert (first["severity"], first["kind"]) == ("leak", "identical images")
    for pair in first["figures"]["pairs"]:
        patients = sorted(int(study.split("-")[1]) for study in pair["studies"])
        assert patients[1] == patients[0] + 1


def test_a_planted_shortcut_is_warned_of(audited: Any) -> None:
    code, result = audited("shortcut=true")
    assert code == 0
    assert ("warning", "shortcut") in worse_than_notes(result)
    assert result["findings"][0]["figures"]["fact"] == "scanner"


def test_a_planted_leak_in_the_report_is_warned_of(audited: Any) -> None:
    _, result = audited("leak=true")
    stated = [found["figures"]["statements"][0] for found in result["findings"] if found["kind"] == "report leakage"]
    assert {one["finding"] for one in stated} >= {"epidural", "subdural", "any"}
    assert all(one["lexicon"]["spoken"] == one["lexicon"]["right"] for one in stated)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "out").folder


def test_the_table_is_narrow_and_ends_in_the_verdict(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mmdx("audit", store) == 0
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said[:-1])) <= 80
    assert "Verdict: no leak between the splits" in " ".join(said)
    assert said[-1] == f"audit:  {store / AUDIT_FILE}"


def test_options_say_what_is_withheld_and_where_the_result_goes(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "here.json"
    assert mmdx("audit", store, "--out", out, "--drop-section", "impression", "--mask", "fell", "--mask", "ICH") == 0
    report = json.loads(out.read_text())["report"]
    assert report == {"keep_sections": [], "drop_sections": ["impression"], "mask": ["fell", "ICH"]}
    assert not (store / AUDIT_FILE).exists()


def test_a_lexicon_of_ones_own_is_masked(store: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("bleed: [fell]\n")
    assert mmdx("audit", store, "--lexicon", tmp_path / "own.yaml") == 0
    assert json.loads((store / AUDIT_FILE).read_text())["report"]["mask"] == ["fell"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["NONE"], 1, "not a finished store; make one with mmdx prepare"),
        (["STORE", "--lexicon", "NONE"], 2, "cannot be read"),
        (["STORE", "--out", "NONE/a.json"], 2, "cannot be written; give --out FILE"),
        (["STORE", "--out", "STORE"], 2, "cannot be written; give --out FILE"),
    ],
)
def test_a_bad_call_is_one_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    places = {"STORE": str(store), "NONE": str(tmp_path / "none")}
    given = [a.replace("STORE", places["STORE"]).replace("NONE", places["NONE"]) for a in arguments]
    assert mmdx("audit", *given) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_split_without_anybody_is_one_line(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = Store(store)
    write_splits(store / "splits.csv", opened.study_ids, opened.patient_ids, ["train"] * len(opened))
    assert mmdx("audit", store) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no patient in val and test" in line


def test_a_store_of_reports_alone_and_one_of_images_alone(tmp_path: Path) -> None:
    rows = [{"study_id": f"s{i}", "report": f"Fell {i} times.", "bleed": i % 2} for i in range(8)]
    told = cohorts.prepared(cohorts.write_table(tmp_path / "a", rows), tmp_path / "told")
    for i in range(8):
        cohorts.write_png(tmp_path / "b" / f"s{i}" / "1.png", 20 * i)
    seen = cohorts.prepared(tmp_path / "b", tmp_path / "seen")
    assert mmdx("audit", told.folder) == 0
    assert mmdx("audit", seen.folder) == 0


def test_an_audit_is_taken_from_the_store_while_it_is_of_it(store: Path) -> None:
    opened = Store(store)
    made = verdict_for(opened, opened.splits)
    place = store / AUDIT_FILE
    assert json.loads(place.read_text()) == made
    place.write_text(json.dumps(made | {"verdict": "kept"}))
    assert verdict_for(opened, opened.splits)["verdict"] == "kept"
    swapped = Splits(tuple({"train": "test", "test": "train"}.get(split, split) for split in opened.splits))
    assert verdict_for(opened, swapped)["verdict"] != "kept"
    for stale in (json.dumps(made | {"fingerprint": "other", "verdict": "kept"}), "{", "[]"):
        place.write_text(stale)
        assert verdict_for(opened, opened.splits) == made


def test_whoever_waits_is_told_how_many_studies_are_read(store: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    audit_store(store, out=tmp_path / "audit.json", count=lambda *said: told.append(said))
    count = len(Store(store))
    assert told[:count] == [("reading", row, count, "studies") for row in range(count)]


def test_a_large_store_is_left_to_the_verb(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting_audit, "MOST_IMAGES", 3)
    opened = Store(store)
    assert "run mmdx audit" in verdict_for(opened, opened.splits)["verdict"]
    assert not (store / AUDIT_FILE).exists()


def test_training_repeats_the_verdict_and_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path / "a.yaml", write_cohort(tmp_path / "raw"), epochs=1)
    run = train(resolve(read_config(config)), name="a", console=Console(width=200)).run.folder
    kept = json.loads((run / AUDIT_FILE).read_text())
    assert f"audit: {kept['verdict']}" in capsys.readouterr().out.splitlines()
    assert kept["fingerprint"] == json.loads((run / "environment.json").read_text())["store"]["fingerprint"]


def test_what_a_config_says_of_its_texts_and_traits_stands_in_the_audit(store: Path) -> None:
    opened = Store(store)
    (text,) = [name for name, facts in opened.modalities.items() if KINDS[facts.kind].worded]

    def found(**data: object) -> dict[str, Any]:
        raw = {"data": {"store": "s", **data}, "model": {"inputs": {text: "bilstm_attention", "clinic": "table_mlp"}}}
        raw["data"]["tables"] = {"clinic": ["age"]}
        return audit_for(parse_config(raw, "test"), opened, opened.splits)

    clean = found()
    assert clean == verdict_for(opened, opened.splits)
    leak = found(provenance={"labels_from": ["impression", "images"]})
    assert leak["findings"][0]["kind"] == "labels from a text"
    assert leak["counts"]["leak"] == clean["counts"]["leak"] + 1
    assert leak["verdict"].startswith(f"labels were made from the impression of the {text}, which the model reads")
    withheld = {"drop_sections": ["impression"]}
    assert found(provenance={"labels_from": ["impression"]}, reports=withheld) == clean
    late = found(provenance={"after": ["findings", "age"]})
    assert [issue["kind"] for issue in late["findings"][:2]] == ["known too late"] * 2
    assert late["counts"]["warning"] == clean["counts"]["warning"] + 2
    assert "which was not known before the images were; take it out of data.tables" in late["verdict"]
