"""What `mmdx push` shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mmdx.engine.export.export import Exported
from mmdx.engine.sharing.push import Pushed
from mmdx.terminal.sharing import show_exported, show_pushed


@pytest.mark.parametrize(
    ("address", "public", "last"),
    [
        (None, False, "nothing was pushed (--dry-run); you alone would read mine/ct"),
        ("https://hub/mine/ct", True, "pushed to https://hub/mine/ct; everybody can read mine/ct"),
    ],
)
def test_files_notes_and_the_place_are_shown(address, public, last):
    stream = io.StringIO()
    pushed = Pushed("mine/ct", address, public, {"model.json": 1700}, ("licence: unknown",))
    show_pushed(pushed, Console(file=stream, width=100))
    lines = stream.getvalue().splitlines()
    assert any("model.json" in line and "1.7 kB" in line for line in lines)
    assert lines[-2:] == ["note: licence: unknown", last]


def test_an_export_says_what_is_fed_and_how_near_it_is():
    stream = io.StringIO()
    exported = Exported(Path("out"), {"model.onnx": 2000}, ("image",), ("report",), 2.5e-7)
    show_exported(exported, Console(file=stream, width=100))
    assert stream.getvalue().splitlines()[-4:] == [
        "fed: image",
        "always absent: report",
        "largest difference to mmdx predict, over random studies: 2.5e-07",
        "exported to out; manifest.json says what it is to be fed",
    ]
