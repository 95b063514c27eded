"""Names of others do nothing to a terminal."""

from __future__ import annotations

import io

import pytest
from rich.color import ColorSystem
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.strangers.screen import screen

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\rb\u202ec\x08"


def said(renderable, *, colours: ColorSystem | None = None) -> str:
    console = screen()
    console.file = io.StringIO()
    console._color_system = colours
    console.print(renderable, markup=False, highlight=False, soft_wrap=True)
    return console.file.getvalue()


@pytest.mark.parametrize("renderable", [HOSTILE, Text(HOSTILE)])
def test_what_acts_on_a_terminal_is_not_shown(renderable: str | Text) -> None:
    text = said(renderable)
    assert not set(text) & set("\x1b\x07\x9b\r\u202e\x08")
    assert "\ufffd" in text
    assert "red" in text


def test_cells_of_a_table_do_nothing_either() -> None:
    table = Table("finding")
    table.add_row(Text(HOSTILE))
    assert "\x1b" not in said(table)


def test_colours_of_our_own_stay() -> None:
    text = said(Text("bold", style="bold"), colours=ColorSystem.STANDARD)
    assert isinstance(screen(quiet=True), Console)
    assert text.count("\x1b[") == 2
    assert said("tab\tand\nline\n") == "tab     and\nline\n\n"
