"""A config is resolved, or refused with all that is wrong in it at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmdx.config_file import parse_config
from mmdx.engine.assembly.resolve import lacking_parts, read_resolved, resolve, resolve_raw
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
    assert config.model.inputs["report"].encoder.options["max_tokens"] == 1024
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


@pytest.mark.parametrize(
    ("section", "tables", "tail"),
    [
        ("mlpp", {}, "did you mean 'mlp'? known: mlp, plain"),
        ({"encoder": "bilstm", "neighbours": 1}, {}, "known: "),
        ("table", {"x": ["age"]}, "did you mean 'table_mlp'? known: table_mlp"),
        ("resnet5", {}, "did you mean 'resnet50' of timm?"),
        ("nobodys", {}, "known: of images "),
    ],
)
def test_an_encoder_that_is_not_known_brings_those_of_the_fitting_kind(section: Any, tables: Any, tail: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_raw(raw_of({"x": section}, tables=tables), "test")
    (problem,) = caught.value.problems
    named = section if isinstance(section, str) else section["encoder"]
    assert problem.startswith(f"model.inputs.x.encoder: no encoder is called '{named}'; {tail}")
    assert ("bilstm_attention" in problem) == (named == "nobodys")
    assert ("timm" in problem) == (named in ("nobodys", "resnet5", "bilstm"))


@pytest.mark.parametrize(
    "section", ["resnet10t", {"encoder": "resnet10t"}, {"encoder": {"type": "resnet10t", "frozen": True}}]
)
def test_the_name_of_a_timm_model_stands_for_the_encoder(section: Any) -> None:
    raw = raw_of({"image": section}) | {"first": {"model": {"inputs": {"image": section}}}}
    config = resolve_raw(raw, "test")
    assert config.first is not None
    for model in (config.model, config.first.model):
        encoder = model.inputs["image"].encoder
        assert (encoder.type, encoder.options["name"]) == ("timm", "resnet10t")
    assert encoder.options["frozen"] == (section == {"encoder": {"type": "resnet10t", "frozen": True}})


def test_what_the_parts_of_a_config_lack_on_this_machine() -> None:
    image = {"encoder": {"type": "timm", "name": "convnext_tinyy"}}
    inputs = {"image": image, "ct": "resnet10t", "report": {"encoder": {"type": "transformer", "source": "/no/where"}}}
    assert lacking_parts(raw_of(inputs)) == [
        "model.inputs.image.encoder: no timm model is called 'convnext_tinyy'; did you mean convnext_tiny?",
        "model.inputs.report.encoder: source '/no/where' is neither a model folder nor an installed package, and no "
        "name of the hub",
    ]


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
        ({"superior": ["image"], "inferior": ["report"]}, "guidance: its method 'dropped' never sees image withheld"),
    ],
)
def test_sides_of_guidance_are_those_of_the_model(sides: dict[str, list[str]], line: str) -> None:
    (problem,) = problems_of(raw_of({"image": "timm", "report": "bilstm_attention"}) | {"guidance": sides})
    assert problem.startswith(line)
