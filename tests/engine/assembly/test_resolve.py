"""A config is resolved, or refused with all that is wrong in it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmdx.config_file import parse_config
from mmdx.engine.assembly.resolve import read_resolved, resolve
from mmdx.errors import UsageError


def raw_of(inputs: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {"data": {"store": "s", **data}, "model": {"inputs": inputs}}


def problems_of(raw: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        resolve(parse_config(raw, "test"))
    return caught.value.problems


def test_every_default_is_written_out_and_stays() -> None:
    config = resolve(parse_config(raw_of({"report": "bilstm_attention"}), "test"))
    assert config.model.heads["study"].options["blend"] is False
    assert config.model.inputs["report"].encoder.options["max_tokens"] == 256
    assert resolve(config) == config


def test_problems_of_sections_parts_and_plugins_stand_in_one_list(tmp_path: Path) -> None:
    raw = raw_of({"image": {"encoder": "timm", "sequence": {"type": "lstm", "hiden": 8}}, "report": "mlpp"})
    raw["model"]["fusion"] = "gatd"
    raw |= {"train": {"epoch": 3}, "plugins": ["no_such_lab"]}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_resolved(path, ["seed=-1"])
    assert [problem.removeprefix(f"{path}: ").partition(";")[0] for problem in caught.value.problems] == [
        "train.epoch: unknown key",
        "seed: -1: input should be greater than or equal to 0",
        "plugins: 'no_such_lab' cannot be imported (No module named 'no_such_lab')",
        "model.fusion: no fusion is called 'gatd'",
        "model.inputs.image.sequence.hiden: unknown key",
        "model.inputs.report.encoder: no encoder is called 'mlpp'",
    ]


def test_an_encoder_that_is_not_known_is_looked_for_among_all_kinds() -> None:
    (problem,) = problems_of(raw_of({"pathology": "mlpp"}))
    assert problem.startswith("model.inputs.pathology.encoder: no encoder is called 'mlpp'; did you mean 'mlp'?")
    assert "bilstm_attention" in problem
    assert "timm" in problem


def test_options_of_another_kind_and_tables_that_are_none() -> None:
    inputs = {"report": {"encoder": "bilstm_attention", "neighbours": 1}, "image": "timm", "clinic": "table_mlp"}
    assert problems_of(raw_of(inputs, tables={"image": ["age"]})) == (
        "model.inputs.report.neighbours: is not for text, which 'bilstm_attention' reads; leave it out",
        "model.inputs.image: 'timm' reads images, but data.tables makes 'image' of traits; take table_mlp",
        "model.inputs.clinic: 'table_mlp' reads traits; name them, such as data.tables.clinic=[age,sex]",
    )


@pytest.mark.parametrize(
    ("sides", "line"),
    [
        ({"superior": ["ct"], "inferior": ["image"]}, "guidance names 'ct'; known: image, report"),
        ({"superior": ["image"], "inferior": ["image", "report"]}, "guidance: 'image' is superior and inferior; name"),
        ({"superior": ["image"], "inferior": ["report"]}, "guidance: its baseline 'dropped' never sees image withheld"),
    ],
)
def test_sides_of_guidance_are_those_of_the_model(sides: dict[str, list[str]], line: str) -> None:
    (problem,) = problems_of(raw_of({"image": "timm", "report": "bilstm_attention"}) | {"guidance": sides})
    assert problem.startswith(line)
