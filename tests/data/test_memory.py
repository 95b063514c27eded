"""One bound for all that a process keeps, shared by processes of a launch; workers of a loader keep nothing."""

from __future__ import annotations

import gc
import multiprocessing

import pytest

from mmdx.data import memory
from mmdx.data.memory import Memo, Reserve


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand bytes beside what other tests of this process keep."""
    gc.collect()  # what others have dropped is not given back in the middle of a test
    first = Reserve()
    taken = next(size for size in range(memory.MOST_BYTES, -1, -4096) if first.take(size))
    monkeypatch.setattr(memory, "MOST_BYTES", memory.MOST_BYTES - taken + 10_000)
    del first


def test_owners_share_one_bound_and_give_back_what_they_took() -> None:
    first, second = Reserve(), Reserve()
    assert (first.take(4000), second.take(4000), second.take(4000)) == (True, True, False)
    del first
    assert second.take(4000)


def test_processes_of_a_launch_share_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000000")
    assert not Reserve().take(5000)


def test_a_worker_that_is_forked_takes_nothing() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_takes) == (False, False)
    assert _takes() == (True, True)


def _takes() -> tuple[bool, bool]:
    """Whether a process may take from what it inherited, and from a reserve of its own."""
    return INHERITED.take(1), Reserve().take(1)


INHERITED = Reserve()


def test_what_is_made_of_a_text_is_made_once_where_there_is_room() -> None:
    calls: list[str] = []

    def upper(text: str) -> str:
        calls.append(text)
        return text.upper()

    memo = Memo(upper, size=len)
    assert [memo("fall"), memo("fall"), memo("x" * 9000), memo("x" * 9000)] == ["FALL", "FALL", "X" * 9000, "X" * 9000]
    assert calls == ["fall", "x" * 9000, "x" * 9000]
