"""Options that several verbs share."""

from __future__ import annotations

import pytest
import typer

from mmdx import __version__
from mmdx.cli import app


def test_the_version_is_told_before_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, typer.Exit)) as ended:
        app(["--version"])
    assert capsys.readouterr().out == f"mmdx {__version__}\n"
    assert not getattr(ended.value, "code", 0)
