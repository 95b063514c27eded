"""YAML as mmdx reads it: keys that stand once, and the booleans of YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from mmdx.errors import UsageError
from mmdx.yaml_text import parse_yaml


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lr: 1\nepochs: 2\nlr: 3\n", "x.yaml:3: key 'lr' stands in line 1 already; remove one"),
        ("train:\n  lr: 1\n\n  'lr': 3\n", "x.yaml:4: key 'lr' stands in line 2 already; remove one"),
        ("- {a: 1, b: 2,\n   a: 3}\n", "x.yaml:2: key 'a' stands in line 1 already; remove one"),
        ("1: a\n'1': b\n", "x.yaml:2: key '1' stands in line 1 already; remove one"),
        ("a: [1\n", "x.yaml:2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: &a\n  b: *a\n", "x.yaml:1: not YAML: an alias of what it stands in"),
        ("day: 2024-13-01\n", "x.yaml: not YAML: month must be in 1..12"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_yaml(text, "x.yaml")
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[true, True, TRUE, false, False, FALSE]", [True, True, True, False, False, False]),
        ("[yes, no, on, off, Yes, NO, y, n]", ["yes", "no", "on", "off", "Yes", "NO", "y", "n"]),
        ("[trueish, 'true', tRUE]", ["trueish", "true", "tRUE"]),
        ("{no: 1, yes: 2}", {"no": 1, "yes": 2}),
        ("[1, 1.5, 1.0e-3, 1e-3, null, ~]", [1, 1.5, 0.001, "1e-3", None, None]),
        ("a: {x: 1}\nb: {x: 2}\n", {"a": {"x": 1}, "b": {"x": 2}}),
        ("", None),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert parse_yaml(text, "x.yaml") == value


def test_what_a_merge_key_brings_may_be_set_again_and_is_set_once() -> None:
    text = "x: {y: &b {<<: &a {lr: 1, dim: 2}, lr: 3}}\nz: {<<: *b, dim: 4}\nw: [*a, *a]\n"
    assert parse_yaml(text, "x.yaml") == {
        "x": {"y": {"lr": 3, "dim": 2}},
        "z": {"lr": 3, "dim": 4},
        "w": [{"lr": 1, "dim": 2}] * 2,
    }


def test_the_loader_of_others_stays_as_it_is() -> None:
    parse_yaml("a: no", "x.yaml")
    assert yaml.safe_load("{a: no, a: yes}") == {"a": True}


def _of_aliases(number: int) -> str:
    """A line that stands for ten times as much as the one before it."""
    return f"a{number}: &a{number} {{{', '.join(f'k{key}: *a{number - 1}' for key in range(10))}}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a0: &a0 {x: 1}\n" + "".join(map(_of_aliases, range(1, 12))),
            "its aliases stand for more than 100,000 values",
        ),
        (
            "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
            "its aliases stand",
        ),
        ("[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("{a: " * 100_000 + "1" + "}" * 100_000, "nested more than 50 deep"),
        ("a: " + "9" * 5000, "not YAML"),
        ("? [a]\n: 1\n", "not YAML"),
        ("a: &a [*a]\n", "an alias of what it stands in"),
    ],
)
def test_what_unrolls_or_nests_without_an_end(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse_yaml(text, "x.yaml")
    assert len(caught.value.problems) == 1
