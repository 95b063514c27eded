"""What `mmdx push` shows."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mmdx.engine.sharing.push import Pushed
from mmdx.terminal.sharing import show_pushed


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
