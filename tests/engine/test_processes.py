"""The processes of one launch."""

from __future__ import annotations

import os

import joblib
import pytest
import torch

from mmdx.engine.processes import make_accelerator


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
