"""How a verb ends: with an exit code, and where a user can fix what is wrong, in lines without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from mmdx.errors import MmdxError, system_refusal

STOPPED = 130
"""The exit code of a verb that Ctrl-C stopped."""


def run_verb(app: typer.Typer, arguments: list[str] | None) -> NoReturn:
    """Runs the verb that `arguments` name (None: those of the process), and exits."""
    try:
        code = app(arguments, standalone_mode=False)
    except MmdxError as error:
        _end(error.problems, error.exit_code)
    except OSError as error:
        if error.errno is None:  # not the system's word, but a library's: a bug
            raise
        _end([system_refusal(error)], 1)
    except typer.TyperException as error:
        message = error.format_message()
        _end([f"{message} (mmdx --help)"] if message else [], 2)  # bare `mmdx` has shown its help, and has no message
    # typer answers Ctrl-C, and an exit asked for, with a code.
    if code == STOPPED:
        _end(["stopped; nothing finished is lost: use train --resume, or prepare or ablate again"], STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


def _end(problems: Sequence[str], code: int) -> NoReturn:
    # Written at once: processes of one launch share a terminal, and their lines must not run into each other.
    sys.stderr.write("".join(f"mmdx: {problem}\n" for problem in problems))
    sys.exit(code)
