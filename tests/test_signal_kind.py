"""A kind of modality that only a plugin knows is prepared, trained with a report, scored and loaded again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from signals import write_signal

from mmdx import cli
from mmdx.engine.assembly.saved import load_model
from mmdx.files import ModelLayout, RunLayout


def write_config(folder: Path) -> Path:
    """24 signals of two leads whose mean tells the label, each with a report, and a config that names the plugin."""
    rng = np.random.default_rng(0)
    for i in range(24):
        label = i % 2
        signal = rng.normal(2 * label - 1, 0.5, (5 + i % 3, 2))
        write_signal(folder / "raw", f"s{i:02d}", signal, label=label, report="palpitations since this morning")
    config = {
        "data": {"reader": "test_signals", "source": str(folder / "raw"), "stores": str(folder / "stores")},
        "model": {
            "inputs": {"ecg": "test_leads", "report": {"encoder": {"type": "bilstm_attention", "hidden": 4}}},
            "dim": 8,
        },
        "train": {"epochs": 2, "studies": 4, "lr": 0.05, "final": "best"},
        "run": str(folder / "run"),
        "plugins": ["signals", "signal_branch"],
    }
    (folder / "signals.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "signals.yaml"


def test_a_kind_of_a_plugin_goes_all_the_way(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", str(write_config(tmp_path))])
    assert not ended.value.code
    run = RunLayout(tmp_path / "run")
    rows = pd.read_csv(run.scores("test"))
    assert set(rows["shown"]) == {"ecg+report", "ecg", "report"}
    alone = rows[rows["shown"] == "ecg"]
    assert alone.loc[alone["label"] == 1, "score"].min() > alone.loc[alone["label"] == 0, "score"].max()
    raw = json.loads(ModelLayout(run.best).facts.read_text(encoding="utf-8"))
    assert raw["inputs"]["ecg"]["details"] == {"hertz": 250}
    assert "details" not in raw["inputs"]["report"]
    facts = load_model(run.best).facts.inputs["ecg"]
    assert (facts.kind, facts.width, facts.detail("hertz")) == ("test_signals", 2, 250)
