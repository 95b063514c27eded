"""The text of a planned config: a reason above each line, and the same values when it is read back."""

from __future__ import annotations

import yaml

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.written import WIDEST, written_config
from mmdx.yaml_text import parse_yaml


def test_a_reason_stands_above_each_line() -> None:
    choices = [
        Choice("data.size", 224, "Images of 512 pixels."),
        Choice("data.folds", {"count": 5}, "Few patients."),
        Choice("train.epochs", 30, "Timed here."),
        Choice("data.primary", "any", "Few patients."),
    ]
    assert written_config(["Planned for raw."], choices) == (
        "# Planned for raw.\n"
        "data:\n"
        "  # Images of 512 pixels.\n"
        "  size: 224\n"
        "  # Few patients.\n"
        "  folds: {count: 5}\n"
        "  # As above.\n"
        "  primary: any\n"
        "train:\n"
        "  # Timed here.\n"
        "  epochs: 30\n"
    )


def test_what_yaml_would_take_for_something_else_is_read_back_as_it_was() -> None:
    values = {"data.source": "a: b # c", "model.inputs.on.encoder": "no", "data.findings": ["off", "3", "DIAG/MEL"]}
    values |= {"train.final": {"type": "refit", "folds": 1}, "first.folds": None}
    text = written_config([], [Choice(key, value, f"Because of {key}.") for key, value in values.items()])
    for read in (yaml.safe_load(text), parse_yaml(text, "plan.yaml")):
        assert read["data"] == {"source": "a: b # c", "findings": ["off", "3", "DIAG/MEL"]}
        assert read["model"] == {"inputs": {"on": {"encoder": "no"}}}
        assert (read["train"], read["first"]) == ({"final": {"type": "refit", "folds": 1}}, {"folds": None})


def test_no_line_is_wider_than_a_screen() -> None:
    names = [f"finding number {index}" for index in range(40)]
    text = written_config(["word " * 60], [Choice("data.findings", names, "reason " * 60)])
    assert max(map(len, text.splitlines())) <= WIDEST
    assert parse_yaml(text, "plan.yaml")["data"]["findings"] == names
