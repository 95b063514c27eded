"""What `mmdx doctor` shows."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from mmdx.engine.planning.doctor import Checked, Checkup
from mmdx.terminal.doctor import show_checkup


def shown(*checked: Checked) -> list[str]:
    text = StringIO()
    show_checkup(Checkup(checked), Console(file=text, width=80))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_an_area_is_named_once_and_a_remedy_stands_below() -> None:
    lines = shown(
        Checked("parts", "lora", "installed"), Checked("parts", "demo", "without x", "pip install 'mmdx[demo]'")
    )
    assert lines == [
        "parts  lora            installed",
        "       demo            without x",
        "                       pip install 'mmdx[demo]'",
        "",
        "mmdx works on this machine",
    ]


def test_what_is_broken_is_counted() -> None:
    lines = shown(Checked("mmdx", "torch>=2.6", "1.0", "pip install 'torch>=2.6'", broken=True))
    assert lines[-1] == "mmdx cannot work: 1 package(s) missing or too old"


def test_nothing_is_wider_than_the_terminal() -> None:
    assert max(map(len, shown(Checked("machine", "free disk", "1 GB in /" + "long/" * 40)))) <= 80
