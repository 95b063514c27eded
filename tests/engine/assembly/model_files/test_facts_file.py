"""`model.json` of a stranger: each field has its type and its bounds, and agrees with the config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from strange_model import write_model

from mmdx.config_file import read_config
from mmdx.engine.assembly.model_files.facts_file import parse_facts, read_facts, write_facts
from mmdx.errors import DataError
from mmdx.strangers.sealed import read_sealed, write_sealed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def test_facts_come_back(folder: Path) -> None:
    config = read_config(folder / "config.yaml")
    facts = read_facts(folder, config)
    assert parse_facts(json.loads(json.dumps(facts.to_json())), "x") == facts
    write_facts(folder, facts, [folder / "config.yaml"])
    assert read_facts(folder, config) == facts


@pytest.mark.parametrize(
    ("keys", "value", "line"),
    [
        (("size",), 32.7, "size: "),
        (("size",), "32", "size: "),
        (("size",), 0, "size: 0"),
        (("size",), 10**9, "size: 1000000000"),
        (("findings",), ["bleed", "bleed"], "findings name 'bleed' twice"),
        (("findings",), [1, 2], "findings.0"),
        (("prevalence", "study"), [0.5], "prevalence.study has 1 shares for 2 findings"),
        (("prevalence", "study"), [0.5, 7], "prevalence.study.1"),
        (("inputs",), [], "inputs: "),
        (("inputs", "report", "vocabulary"), -1, "inputs.report.vocabulary: -1"),
        (("inputs", "report", "idf"), [1.0], "idf has 1 values for a vocabulary"),
        (("inputs", "image", "kind"), "sound", "no kind of modality is called 'sound'"),
        (("inputs", "image", "kind"), "vectors", "inputs.image.kind is vectors, and its encoder reads images"),
        (("inputs", "image", "architecture"), None, "inputs.image.architecture is missing"),
        (("inputs", "image", "channels"), True, "inputs.image.channels: "),
        (("inputs", "clinic", "columns"), [], "inputs.clinic.columns are "),
        (("strange",), 1, "strange: unknown key"),
        (("first",), "../x", "first: "),
    ],
)
def test_a_field_that_cannot_be_is_named(folder: Path, keys: tuple[str, ...], value: Any, line: str) -> None:
    raw = read_sealed(folder / "model.json", "")
    holder = raw
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    write_sealed(folder / "model.json", raw)
    with pytest.raises(DataError) as caught:
        read_facts(folder, read_config(folder / "config.yaml"))
    assert line in str(caught.value)
    assert all(
        problem.endswith("the model folder is not whole; copy all of it again") for problem in caught.value.problems
    )


@pytest.mark.parametrize("name", ["../../../x", "/x", "", "a\0b"])
def test_an_input_reads_no_tokenizer_outside_of_its_folder(folder: Path, name: str) -> None:
    raw = read_sealed(folder / "model.json", "")
    raw["inputs"] = {name: raw["inputs"]["report"]}
    with pytest.raises(DataError, match="is no name of an input"):
        parse_facts(raw, "model.json")


def test_a_folder_without_facts(folder: Path) -> None:
    (folder / "model.json").unlink()
    with pytest.raises(DataError, match=r"model\.json: missing; the model folder is not whole"):
        read_facts(folder, read_config(folder / "config.yaml"))
