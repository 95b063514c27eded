"""How a verb ends: with an exit code, and where a user can fix what is wrong, in lines without a traceback."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from mmdx.errors import MmdxError, reason, system_refusal

STOPPED = 130
"""The exit code of a verb that Ctrl-C stopped."""
NEW_OBJECTS = 50_000
"""How many objects are made before the garbage collector looks. The default is 700."""


ENDED = {128 + number for number in (signal.SIGTERM, signal.SIGHUP)}
"""The exit codes of a verb that was ended from outside, as by `kill`, a closed terminal or Slurm at its time limit."""
_STOPPED = "stopped; nothing finished is lost: use train --resume, or prepare or ablate again"


def run_verb(app: typer.Typer, arguments: list[str] | None) -> NoReturn:
    """Runs the verb that `arguments` name (None: those of the process), and exits."""
    _tidy_when_ended()
    _collect_less()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may not know all letters of a name
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, standalone_mode=False)
    except SystemExit as ended:
        if ended.code not in ENDED:
            raise
        _end([_STOPPED], ended.code)
    except MmdxError as error:
        _end(error.problems, error.exit_code)
    except MemoryError as error:
        _end([f"not enough memory ({reason(error)}); free some, or let fewer processes run, and run it again"], 1)
    except OSError as error:
        if error.errno is None:  # not the system's word, but a library's: a bug
            raise
        _end([system_refusal(error)], 1)
    except UnicodeEncodeError:
        if sys.getfilesystemencoding() == "utf-8":  # not the locale's doing: a bug
            raise
        _end(
            [f"file names are {sys.getfilesystemencoding()} here, which lacks letters; set PYTHONUTF8=1, run it again"],
            1,
        )
    except typer.TyperException as error:
        message = error.format_message()
        _end([f"{message} (mmdx --help)"] if message else [], 2)  # bare `mmdx` has shown its help, and has no message
    # typer answers Ctrl-C, and an exit asked for, with a code.
    if code == STOPPED:
        _end([_STOPPED], STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


def _collect_less() -> None:
    """The garbage collector goes through all of torch and timm seldom while they are imported, and not at the very end.

    By default that is 15 % of the time of these imports, and more than a second of every command as it exits.
    """
    gc.set_threshold(NEW_OBJECTS)
    atexit.register(_collect_no_more)


def _collect_no_more() -> None:
    # What is loaded of triton, which comes with torch for GPUs, tells of all that was not collected as a leak.
    if "triton._C.libtriton" not in sys.modules:
        gc.freeze()


def _tidy_when_ended() -> None:
    """A signal to end lets the process remove its temporary folders and partial files, once; a second one ends it.

    Processes of one launch that wait for each other could not answer: they end at once, as their launcher expects.
    """
    own = os.getpid()

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != own:  # a worker, which has nothing to tidy away
            os.kill(os.getpid(), number)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        # One that is ignored, as under nohup, stays so.
        if os.environ.get("WORLD_SIZE", "1") == "1" and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _end(problems: Sequence[str], code: int) -> NoReturn:
    # Written at once: processes of one launch share a terminal, and their lines must not run into each other.
    sys.stderr.write("".join(f"mmdx: {problem}\n" for problem in problems))
    sys.exit(code)
