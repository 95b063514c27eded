"""Errors that a person can act on: one line that says what was found, where, and what to do.

Exit codes of the command line: 1, the data or the claim is bad; 2, the call is wrong.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable, Sequence

LONGEST = 2000
"""The longest line that is said of a problem, in characters."""


class MmdxError(Exception):
    """A problem that the user can fix; shown as its lines alone, without a traceback."""

    exit_code = 1

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = tuple(map(_problem, [problems] if isinstance(problems, str) else problems))
        super().__init__("\n".join(self.problems))


class DataError(MmdxError):
    """The data, or a claim made from it, is bad (exit code 1)."""


class UsageError(MmdxError):
    """The call is wrong: a config, an option or an argument (exit code 2)."""

    exit_code = 2


class LackError(MmdxError):
    """The machine lacks memory or file handles: nothing is said against the data, which are not read (exit code 1)."""


_NO_MEMORY = ("unable to allocate", "cannot allocate memory", "out of memory", "not enough memory", "bad_alloc")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Controls but tab and line break, and what turns the direction of a line."""
_NO_HANDLES = "too many open files"


def refuse_lack(error: BaseException, where: object) -> None:
    """Raises `LackError` where `error` says that memory or file handles ran out while `where` was read.

    To be asked before an error is called damage of a file. Libraries hand the words on where they hide the error.
    """
    number, text = error.errno if isinstance(error, OSError) else None, str(error).lower()
    if isinstance(error, MemoryError) or number == errno.ENOMEM or any(words in text for words in _NO_MEMORY):
        raise LackError(
            f"{where}: not enough memory to read it; free some, or let fewer processes run, and run it again"
        ) from error
    if number in (errno.EMFILE, errno.ENFILE) or _NO_HANDLES in text:
        raise LackError(
            f"{where}: too many files are open to read it; close some, or raise the limit (ulimit -n), and run it again"
        ) from error


def harmless(text: str) -> str:
    """`text` with a mark for each character that does something to a terminal or a page instead of being seen."""
    return _ACTING.sub("\ufffd", text)


def one_line(text: str) -> str:
    r"""`text` with what breaks a line or cannot be shown written out, such as `\n`: names of files hold anything."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _problem(text: str) -> str:
    """A line that can be shown, whatever was quoted in it."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def reason(error: BaseException) -> str:
    """Another library's message as one line, at most 200 characters, to stand within a line of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"


def system_refusal(error: OSError) -> str:
    """What the system refused, as one line: the file, why, and what helps where a disk or a quota is full."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "; make room, then run it again (train: with --resume)" if full else ""
    return f"{error.filename or 'a file'}: {error.strerror}{hint}"


def some(names: Sequence[str], *, most: int = 3) -> str:
    """The first few of `names`, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Names the nearest of `choices`, then all of them: the tail of an 'unknown name' line."""
    known = sorted(choices)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}known: {', '.join(known) or 'none'}"
