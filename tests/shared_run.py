"""A finished run of an untrained model, written by hand, in whose files everything stands that may never be shared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from mmdx.config_file import dump_config, parse_config
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import write_calibration, write_description, write_weights
from mmdx.files import PREDICTION_COLUMNS, ModelLayout, RunLayout, write_json, write_text
from mmdx.models.facts import InputFacts
from mmdx.models.heads.calibration import Calibration
from mmdx.study import Column

PATIENT, STUDY, NAME, RARE, SITE = (
    "MRN4711-0815",
    "1.2.840.113619.2.55",
    "Quatermain",
    "xanthogranuloma",
    "quatermain house",
)
"""An id of a patient and of a study, a name, a word of one report, the trait of one patient."""
PLANTED = (PATIENT, STUDY, NAME, RARE, SITE)
_FINDINGS = ("bleed", "fracture")
_REPORTS = {
    "p1": f"{NAME} fell on the head, no blood is seen, {RARE} of the plexus",
    "p2": "fall on the head, no blood is seen",
    PATIENT: "no blood is seen, a fall on the head",
}


def write_shared_run(home: Path) -> Path:
    """The run in `home / "run"`: two arms, an interval, thresholds, traits; paths in its config."""
    run = RunLayout(home / "run")
    raw = {
        "data": {
            "reader": "folder",
            "source": str(home / "raw" / NAME),
            "stores": str(home / "stores"),
            "pseudonym_key": str(home / "key"),
            "tables": {"clinic": ["age", "site"]},
        },
        "model": {
            "inputs": {
                "image": {"encoder": "test_patches", "sequence": {"type": "lstm", "hidden": 8}},
                "report": {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}},
                "clinic": "table_mlp",
            },
            "dim": 8,
        },
        "run": str(run.folder),
        "plugins": ["patches"],
    }
    config = resolve(parse_config(raw, "test"))
    write_text(run.config, dump_config(config))
    tokenizer = fit_tokenizer(list(_REPORTS.values()), max_tokens=16, patients=list(_REPORTS))
    site = Column("site", words=("north clinic", SITE), shares=(0.7, 0.3))
    known = {
        "image": InputFacts("images"),
        "report": InputFacts("text", vocabulary=tokenizer.vocabulary),
        "clinic": InputFacts("tabular", columns=(Column("age", 50.0, 10.0), site)),
    }
    torch.manual_seed(0)
    model, facts = build_model(config, ModelFacts(_FINDINGS, 16, known, {"study": (0.5, 0.25)}))
    facts = replace(facts, inputs={**facts.inputs, "image": replace(facts.inputs["image"], architecture={
        "_name_or_path": str(home / "weights")})})  # fmt: skip
    write_description(run.best, config, facts, {"report": tokenizer})
    write_weights(run.best, model)
    write_calibration(run.best, {"study": Calibration(torch.tensor([1.5, 0.5]), torch.tensor([0.0, 0.1]))}, facts)
    (run.best / "notes.txt").write_text(f"{PATIENT} is {NAME}", encoding="utf-8")
    _write_tables(run, home)
    return run.folder


def _write_tables(run: RunLayout, home: Path) -> None:
    rows = [("s-0001", "p1", "train", "north clinic"), ("s-0002", "p2", "val", "north clinic")]
    rows += [(STUDY, PATIENT, "test", SITE)]
    write_text(run.splits, "study_id,patient_id,split\n" + "".join(f"{s},{p},{split}\n" for s, p, split, _ in rows))
    table = "".join(f"{s},{p},{split},50,{site}\n" for s, p, split, site in rows)
    write_text(run.studies, f"study_id,patient_id,split,age,site\n{table}")
    shown = "image+report+clinic"
    scores = "".join(f"v-{n},{PATIENT},{shown},bleed,{n % 2},{0.2 + 0.5 * (n % 2)}\n" for n in range(12))
    write_text(run.scores("val"), f"{','.join(PREDICTION_COLUMNS)}\n{scores}")
    store = {"folder": str(home / "stores" / "folder-1"), "fingerprint": "ab12", "reader": "folder"}
    write_json(run.environment, {"store": store, "packages": {}})
    arms = [{"name": name, "kind": "model", "source": str(run.folder)} for name in (shown, "image")]
    estimates = [
        {"arm": shown, "metric": "auroc", "finding": None, "value": 0.8, "low": 0.7, "high": 0.9},
        {"arm": "image", "metric": "auroc", "finding": None, "value": 0.75, "low": None, "high": None},
        {"arm": shown, "metric": "auroc", "finding": "bleed", "value": 0.85, "low": 0.75, "high": 0.95},
        {"arm": shown, "metric": "auroc", "finding": "fracture", "value": None, "low": None, "high": None},
        {"arm": shown, "metric": "brier", "finding": None, "value": 0.2, "low": None, "high": None},
    ]
    write_json(run.metrics, {"arms": arms, "estimates": estimates, "reference": shown, "primary_finding": None})
    write_text(run.card, f"Trained by {NAME} in {home}.\n")


def bytes_of(files: dict[str, bytes]) -> bytes:
    """All that a stranger would hold in hands: names and contents, JSON also as it reads without escapes."""
    plain = [
        json.dumps(json.loads(text), ensure_ascii=False).encode()
        for name, text in files.items()
        if name[-5:] == ".json"
    ]
    return b"\n".join([*map(str.encode, files), *files.values(), *plain])


def facts_of(folder: Path) -> dict:
    return json.loads(ModelLayout(folder).facts.read_text(encoding="utf-8"))
