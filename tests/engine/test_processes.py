"""The processes of one launch."""

from __future__ import annotations

import os

import joblib
import pytest
import torch
from accelerate import PartialState

from mmdx.engine.processes import launched_short, main_first, make_accelerator
from mmdx.errors import DataError


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens in this process; a `wait` for the others ends at once."""
    happened: list[str] = []
    monkeypatch.setattr(PartialState, "wait_for_everyone", lambda _: happened.append("wait"))
    return happened


def test_a_lone_process_on_a_cpu_has_all_cores_also_where_the_system_does_not_tell_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    before = torch.get_num_threads()
    try:
        assert make_accelerator().device.type == "cpu"
        assert torch.get_num_threads() == joblib.cpu_count()
    finally:
        torch.set_num_threads(before)


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
