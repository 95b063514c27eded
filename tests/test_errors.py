"""Errors are the interface: lines, exit codes, and the nearest known name."""

import errno

import pytest

from mmdx.errors import (
    LONGEST,
    DataError,
    LackError,
    MmdxError,
    UsageError,
    did_you_mean,
    one_line,
    reason,
    refuse_lack,
    system_refusal,
)


def test_one_problem_is_one_line_and_many_are_many() -> None:
    assert str(DataError("a.csv, row 3: empty; fill it in")) == "a.csv, row 3: empty; fill it in"
    several = UsageError(["first; do this", "second; do that"])
    assert several.problems == ("first; do this", "second; do that")
    assert str(several) == "first; do this\nsecond; do that"


def test_exit_codes_tell_bad_data_from_a_wrong_call() -> None:
    assert (MmdxError.exit_code, DataError.exit_code, UsageError.exit_code) == (1, 1, 2)


def test_the_nearest_name_comes_before_all_of_them() -> None:
    assert did_you_mean("gatd", ["concat", "gated"]) == "did you mean 'gated'? known: concat, gated"
    assert did_you_mean("xyz", ["gated", "concat"]) == "known: concat, gated"
    assert did_you_mean("xyz", []) == "known: none"


def test_a_problem_is_one_line_whatever_a_name_holds() -> None:
    assert DataError("study 'a\nb\u2028c': empty").problems == ("study 'a\\nb\\u2028c': empty",)
    assert one_line("caf\xe9 \udcff\u202e\x1b[1m") == "café \\udcff\\u202e\\x1b[1m"


def test_another_library_s_message_is_one_line_of_bounded_length() -> None:
    assert reason(ValueError("bad\n  header")) == "bad header"
    assert reason(KeyError()) == "KeyError"
    assert reason(ValueError("x" * 500)) == "x" * 200 + "…"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.EROFS, "Read-only file system", "out"), "out: Read-only file system"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "a file: No space left on device; make room, then run it again (train: with --resume)",
        ),
    ],
)
def test_a_refusal_of_the_system_is_one_line(error, line):
    assert system_refusal(error) == line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(errno.ENOMEM, "no memory"), "not enough memory"),
        (RuntimeError("gdcm: Unable to allocate 2.00 GiB"), "not enough memory"),
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open"),
        (OSError(errno.ENFILE, "Too many open files in system"), "too many files are open"),
        (ValueError("[Errno 24] Too many open files"), "too many files are open"),
    ],
)
def test_what_the_machine_lacks_is_no_damage_of_the_file(error, said) -> None:
    with pytest.raises(LackError, match=rf"^a\.png: {said}") as caught:
        refuse_lack(error, "a.png")
    assert not isinstance(caught.value, DataError)
    refuse_lack(OSError(errno.EIO, "Input/output error"), "a.png")


def test_a_line_has_an_end_whatever_it_quotes() -> None:
    assert len(DataError("x" * 10**6).problems[0]) == LONGEST + 1
