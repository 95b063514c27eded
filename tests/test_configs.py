"""Every shipped config reads, resolves and builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.config_file import dump_config, parse_config, read_config
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.models.facts import InputFacts
from mmdx.models.model import trainable
from mmdx.schema import Config
from mmdx.study import Column, Terms

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_builds(path):
    config = resolve(read_config(path))
    hounsfield = any(s.view is not None and s.view.type == "windows" for s in config.model.inputs.values())
    unit = "HU" if hounsfield else "intensity"
    built_by(config, unit)
    if config.first is not None:
        built_by(config.model_copy(update={"model": config.first.model, "first": None}), "HU")


def built_by(config: Config, unit: str) -> None:
    plain = {"mean": [0.5] * 3, "std": [0.5] * 3}
    facts = {"images": InputFacts("images", unit=unit), "vectors": InputFacts("vectors", width=8)}
    facts["text"] = InputFacts("text", vocabulary=50, idf=(1.0,) * 50, terms=Terms((1.0,) * 50))
    facts["tabular"] = InputFacts(
        "tabular", columns=(Column("age", 50.0, 10.0), Column("sex", words=("f", "m"), shares=(0.5, 0.5)))
    )
    inputs = {name: facts[kind_of(section).name] for name, section in config.model.inputs.items()}
    for name, section in config.model.inputs.items():
        if section.select is not None:
            inputs[name] = InputFacts("vectors", width=8, logits=2, selected=4)
    # Pretrained weights are not looked for where an architecture is given.
    for name, section in config.model.inputs.items():
        if section.encoder.options.get("pretrained"):
            inputs[name] = InputFacts("images", unit=unit, architecture=plain)
    findings = config.data.findings or ("any", "D/a", "D/b")
    model, facts = build_model(config, ModelFacts(findings, config.data.size, inputs, texts={"report": 50}))
    assert list(facts.inputs) == list(config.model.inputs)
    assert trainable(model)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_resolved_config_rebuilds_itself(path, tmp_path):
    config = resolve(read_config(path))
    (tmp_path / "config.yaml").write_text(dump_config(config))
    assert read_config(tmp_path / "config.yaml") == config
    assert resolve(config) == config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_opens_with_what_it_shows_its_paper_and_its_cost(path):
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    for word in ("Shows:", "After:", "Cost:"):
        assert any(word in line for line in head), f"{path.name} does not say '{word}'"


def test_there_are_configs_to_test():
    assert {"phantom", "folder"} <= {path.stem for path in CONFIGS}


def test_all_problems_of_a_config_come_at_once():
    raw = {
        "data": {"reader": {"type": "phantom", "patiens": 3}, "source": "x"},
        "model": {
            "inputs": {"image": {"encoder": "tim", "sequence": "lstn"}},
            "fusion": {"type": "gated", "dropoutt": 0.1},
        },
    }
    with pytest.raises(Exception, match="patiens") as caught:
        resolve(parse_config(raw, "x"))
    assert len(caught.value.problems) == 4
    assert all("did you mean" in line for line in caught.value.problems)
