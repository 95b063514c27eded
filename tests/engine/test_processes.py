"""The processes of one launch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import joblib
import pytest
import torch
from accelerate import PartialState

from mmdx.engine import processes
from mmdx.engine.processes import (
    KEPT_BY_USER,
    hand_back_memory,
    keep_memory,
    launched_short,
    main_first,
    make_accelerator,
    ready_cpu,
    threads_of_user,
)
from mmdx.errors import DataError


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens in this process; a `wait` for the others ends at once."""
    happened: list[str] = []
    monkeypatch.setattr(PartialState, "wait_for_everyone", lambda _: happened.append("wait"))
    return happened


@pytest.fixture
def threads() -> Iterator[None]:
    """Two threads of torch, and those of before after the test."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def launched_by(monkeypatch: pytest.MonkeyPatch, *words: str, **environment: str) -> None:
    """This process was started by a command line, which had an environment of its own."""
    parent = SimpleNamespace(cmdline=lambda: list(words), environ=lambda: environment)
    monkeypatch.setattr(processes.psutil, "Process", lambda: SimpleNamespace(parent=lambda: parent))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


ACCELERATE = ("python", "/bin/accelerate", "launch", "--cpu", "train.py")


def test_a_lone_process_under_accelerate_launch_has_all_cores_also_where_the_system_does_not_tell_them(
    monkeypatch: pytest.MonkeyPatch, threads: None
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    launched_by(monkeypatch, *ACCELERATE)
    torch.set_num_threads(1)
    assert make_accelerator().device.type == "cpu"
    assert torch.get_num_threads() == joblib.cpu_count()


@pytest.mark.parametrize(
    ("words", "environment", "number"),
    [
        (ACCELERATE, {}, None),
        (("python", "-m", "accelerate.commands.launch", "train.py"), {}, None),
        (ACCELERATE, {"OMP_NUM_THREADS": "1"}, 1),
        ((*ACCELERATE[:3], "--num-cpu-threads-per-process=1", "train.py"), {}, 1),
        (("bash",), {}, 1),
    ],
)
def test_what_accelerate_launch_sets_by_itself_is_no_word_of_the_user(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], environment: dict[str, str], number: int | None
) -> None:
    launched_by(monkeypatch, *words, **environment)
    assert threads_of_user() == number


@pytest.mark.parametrize(
    ("variable", "cores", "several", "number"),
    [
        (None, 8, 1, 2),  # what torch was told
        (None, 1, 1, 1),  # a container of one core
        ("2", 1, 1, 2),
        (None, 8, 3, 1),
        ("2", 8, 3, 2),
    ],
)
def test_a_process_takes_what_the_user_or_the_launcher_said_else_no_more_than_its_cores(
    monkeypatch: pytest.MonkeyPatch, threads: None, variable: str | None, cores: int, several: int, number: int
) -> None:
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    ready_cpu(several)
    assert torch.get_num_threads() == number


class Libc:
    """A C library that takes thresholds of memory up to 32 MiB, or any."""

    def __init__(self, *, old: bool) -> None:
        self.old, self.calls = old, []

    def malloc_trim(self, pad: int) -> int:
        self.calls.append(("trim", pad))
        return 1

    def mallopt(self, option: int, value: int) -> int:
        self.calls.append((option, value))
        return int(not (self.old and option == -3))


@pytest.mark.parametrize(
    ("library", "variables", "old", "calls"),
    [
        ("glibc", {}, False, [(-3, -1), (-1, -1)]),
        ("glibc", {}, True, [(-3, -1), (-4, 0), (-1, -1)]),
        ("glibc", {"MALLOC_TRIM_THRESHOLD_": "131072"}, False, []),
        ("glibc", {"GLIBC_TUNABLES": "glibc.malloc.top_pad=131072"}, False, []),
        ("glibc", {"GLIBC_TUNABLES": "glibc.rtld.nns=4"}, False, [(-3, -1), (-1, -1)]),
        ("musl", {}, False, []),
        ("", {}, False, []),  # macOS, Windows
    ],
)
def test_glibc_keeps_memory_unless_the_user_says_how(
    monkeypatch: pytest.MonkeyPatch, library: str, variables: dict[str, str], old: bool, calls: list[tuple[int, int]]
) -> None:
    libc = Libc(old=old)
    for name in (*KEPT_BY_USER, "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes.platform, "libc_ver", lambda: (library, "1"))
    monkeypatch.setattr(processes.ctypes, "CDLL", lambda name: libc)
    assert keep_memory() == bool(calls)
    assert libc.calls == calls


@pytest.mark.parametrize(("library", "calls"), [("glibc", [("trim", 0)]), ("musl", []), ("", [])])
def test_glibc_hands_back_what_is_free(monkeypatch: pytest.MonkeyPatch, library: str, calls: list) -> None:
    libc = Libc(old=False)
    monkeypatch.setattr(processes.platform, "libc_ver", lambda: (library, "1"))
    monkeypatch.setattr(processes.ctypes, "CDLL", lambda name: libc)
    hand_back_memory()
    assert libc.calls == calls


@pytest.mark.parametrize(("main", "order"), [(True, ["read", "wait"]), (False, ["wait", "read"])])
def test_the_main_process_goes_first(
    monkeypatch: pytest.MonkeyPatch, events: list[str], main: bool, order: list[str]
) -> None:
    monkeypatch.setattr(PartialState, "is_main_process", main)
    with main_first(PartialState(cpu=True)):
        events.append("read")
    assert events == order


@pytest.mark.parametrize("main", [True, False])
def test_what_is_refused_is_waited_for_once_by_each(
    monkeypatch: pytest.MonkeyPatch, events: list[str], main: bool
) -> None:
    monkeypatch.setattr(PartialState, "is_main_process", main)
    with pytest.raises(DataError, match="broken"), main_first(PartialState(cpu=True)):
        raise DataError("broken")
    assert events == ["wait"]


@pytest.mark.parametrize(("port", "short"), [("29500", True), (None, False)])
def test_a_lone_cpu_process_with_a_place_to_meet_was_to_be_several(
    monkeypatch: pytest.MonkeyPatch, port: str | None, short: bool
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    accelerator = make_accelerator()
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    if port is not None:
        monkeypatch.setenv("MASTER_PORT", port)
    assert launched_short(accelerator) == short
