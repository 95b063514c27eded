"""How a verb ends: its exit code, and lines in the place of a traceback."""

from __future__ import annotations

import errno

import pytest
import typer

from mmdx.errors import DataError, UsageError
from mmdx.terminal.ending import run_verb


def ended(error: BaseException | None, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as stopped:
        run_verb(app, [])
    return stopped.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (None, 0, ""),
        (DataError(["one", "two"]), 1, "mmdx: one\nmmdx: two\n"),
        (UsageError("wrong"), 2, "mmdx: wrong\n"),
        (typer.Exit(3), 3, ""),
        (OSError(errno.EACCES, "Permission denied", "a.txt"), 1, "mmdx: a.txt: Permission denied\n"),
    ],
)
def test_what_a_user_can_fix_is_a_line_and_a_code(error, code: int, lines: str, capsys) -> None:
    assert ended(error, capsys) == (code, lines)


def test_a_bug_keeps_its_traceback() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        raise OSError("not the system's word")

    with pytest.raises(OSError, match="not the system's word"):
        run_verb(app, [])
