"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from mmdx import __version__
from mmdx.cli import app
from mmdx.cli_options import DEFAULT_CONFIG, experiment_of


def test_the_version_is_told_before_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, typer.Exit)) as ended:
        app(["--version"])
    assert capsys.readouterr().out == f"mmdx {__version__}\n"
    assert not getattr(ended.value, "code", 0)


@pytest.mark.parametrize(
    ("config", "words", "expected"),
    [
        (None, [], (DEFAULT_CONFIG, [])),
        ("a.yaml", ["train.epochs=3"], (Path("a.yaml"), ["train.epochs=3"])),
        ("train.epochs=3", ["seed=1"], (DEFAULT_CONFIG, ["train.epochs=3", "seed=1"])),
    ],
)
def test_an_experiment_may_be_left_out_before_its_overrides(config, words, expected) -> None:
    assert experiment_of(config, words) == expected
