"""How far a long verb is."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from mmdx.terminal import following
from mmdx.terminal.following import Following


def test_in_a_pipe_a_stage_is_a_line_and_goes_on_in_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    output, now = StringIO(), [100.0]
    monkeypatch.setattr(following.time, "monotonic", lambda: now[0])
    follow = Following(Console(file=output))
    for second in range(12):
        now[0] = 100.0 + second
        follow("study-001: drawing", f"bleed, {second} of [12]")
    assert output.getvalue().splitlines() == [
        "study-001: drawing (bleed, 0 of [12])",
        "study-001: drawing (bleed, 5 of [12])",
        "study-001: drawing (bleed, 10 of [12])",
    ]


def test_on_a_terminal_the_line_goes_away() -> None:
    output = StringIO()
    follow = Following(Console(file=output, force_terminal=True, width=60))
    follow("reading", "")
    follow.pause()
    assert "reading" in output.getvalue()
    assert output.getvalue().rstrip("\x1b[?25h").endswith("\x1b[2K") or "\x1b[1A" in output.getvalue()
