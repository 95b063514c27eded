"""The sections of a config: their defaults, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmdx.config_file import parse_config, read_config
from mmdx.errors import UsageError
from mmdx.schema import Augment, Component, Config

EXPERIMENT = """
data: {reader: {type: phantom, patients: 40}, source: cohort}
model:
  inputs:
    image:
      encoder: {type: timm, name: resnet10t}
      sequence: lstm
    report: bilstm_attention
  fusion: {type: gated, dropout: 0.5}
  modality_dropout: {report: 0.3}
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return path


def raw(**sections: Any) -> dict[str, Any]:
    return {"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}} | sections


def problems_of(content: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        parse_config(content, "x.yaml")
    return caught.value.problems


def test_what_is_left_out_takes_the_defaults(experiment: Path) -> None:
    config = read_config(experiment)
    assert config.train.epochs == 20
    assert config.data.size == 224
    assert config.model.heads == {"study": Component(type="study")}
    assert config.model.inputs["image"].augment == Augment()


def test_a_name_alone_stands_for_a_component_and_for_an_input(experiment: Path) -> None:
    inputs = read_config(experiment).model.inputs
    assert inputs["image"].sequence == Component(type="lstm")
    assert inputs["report"].encoder == Component(type="bilstm_attention")
    assert inputs["image"].encoder.options == {"name": "resnet10t"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "no studies: give store"),
        ({"reader": "phantom"}, "a reader needs a source"),
        ({"store": "s", "source": "raw"}, "a reader needs a source"),
        ({"store": "s", "split": {"val": 0.5, "test": 0.5}}, "val + test is 1, which leaves nothing to train on"),
        (
            {"store": "s", "findings": ["bleed", "mass"], "primary": "bled"},
            "primary is 'bled'; did you mean 'bleed'? known: bleed, mass",
        ),
    ],
)
def test_sections_that_contradict_themselves_are_refused(data: dict[str, Any], message: str) -> None:
    (problem,) = problems_of(raw(data=data))
    assert message in problem


def test_modality_dropout_of_an_unknown_input_is_refused() -> None:
    model = {"inputs": {"image": "timm", "report": "bilstm_attention"}}
    (problem,) = problems_of(raw(model=model | {"modality_dropout": {"reprot": 0.3}}))
    assert "modality_dropout names 'reprot'; did you mean 'report'? known: image, report" in problem
    (problem,) = problems_of(raw(model=model | {"modality_dropout": {"report": 1.0}}))
    assert "modality_dropout is 1; give a chance from 0 to below 1" in problem
    (problem,) = problems_of(raw(model=model | {"modality_dropout": -0.1}))
    assert "modality_dropout is -0.1" in problem


def test_a_config_cannot_be_changed(experiment: Path) -> None:
    config = read_config(experiment)
    with pytest.raises(ValueError, match="frozen"):
        config.train.epochs = 3  # pyright: ignore[reportAttributeAccessIssue]
    assert config == read_config(experiment)
    assert isinstance(config, Config)


@pytest.mark.parametrize(
    "wrong", [{"seed": -1}, {"train": {"lr": float("inf")}}, {"data": {"store": "s", "split": {"seed": -1}}}]
)
def test_numbers_that_would_fail_later_are_refused(wrong: dict[str, Any]) -> None:
    assert len(problems_of(raw(**wrong))) == 1
