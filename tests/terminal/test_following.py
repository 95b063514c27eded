"""How far a long verb is."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from mmdx.terminal import following
from mmdx.terminal.following import Following


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(following.time, "monotonic", lambda: now[0])
    return now


def test_in_a_pipe_there_is_a_line_every_half_minute_and_none_for_a_short_work(clock: list[float]) -> None:
    output = StringIO()
    follow = Following(Console(file=output))
    for second in range(0, 70, 10):
        clock[0] = 100.0 + second
        follow("study-001: drawing", f"bleed, {second} of [70]")
    assert output.getvalue().splitlines() == [
        "study-001: drawing (bleed, 30 of [70])",
        "study-001: drawing (bleed, 60 of [70])",
    ]


def test_counts_come_with_their_pace_and_the_time_that_is_left(clock: list[float]) -> None:
    output = StringIO()
    count = Following(Console(file=output)).count
    for second in range(0, 91, 10):  # resumed after 1000 slices: these say nothing of the pace
        clock[0] = 100.0 + second
        count("epoch 3 of 20", 1000 + 20 * second, 9000, "slices")
    count("epoch 4 of 20", 0, 9000, "slices")
    clock[0] += 40
    count("epoch 4 of 20", 100, 9000, "slices")
    assert output.getvalue().splitlines() == [
        "epoch 3 of 20: 1,600 of 9,000 slices, 20 slices/s, 0:06:10 left",
        "epoch 3 of 20: 2,200 of 9,000 slices, 20 slices/s, 0:05:40 left",
        "epoch 3 of 20: 2,800 of 9,000 slices, 20 slices/s, 0:05:10 left",
        "epoch 4 of 20: 100 of 9,000 slices, 2.5 slices/s, 0:59:20 left",
    ]


def test_a_count_that_nobody_would_see_costs_nothing(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(following, "Text", lambda line: made.append(line) or line)
    count = Following(Console(file=StringIO(), force_terminal=True)).count
    for step in range(1000):
        clock[0] += 0.001
        count("epoch 1 of 1", step, 1000, "slices")
    assert 4 <= len(made) <= 6


def test_on_a_terminal_the_line_goes_away() -> None:
    output = StringIO()
    follow = Following(Console(file=output, force_terminal=True, width=60))
    follow("reading", "")
    follow.pause()
    assert "reading" in output.getvalue()
    assert output.getvalue().rstrip("\x1b[?25h").endswith("\x1b[2K") or "\x1b[1A" in output.getvalue()


def test_it_lives_beside_other_lines_on_a_terminal_and_keeps_out_of_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output = StringIO()
    beside = Following.beside(Console(file=output, force_terminal=True, width=60))
    beside("reading", "")
    beside.pause()
    assert "reading" in output.getvalue()
    piped = StringIO()
    follow = Following.beside(Console(file=piped))
    follow._shown -= following.EVERY
    follow("reading", "")
    assert (piped.getvalue(), capsys.readouterr().err) == ("", "reading\n")
