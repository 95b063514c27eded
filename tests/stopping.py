"""Trainings that are stopped at a known step, as by a user's Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mmdx.engine.training import loop


@contextmanager
def stopped_in_step(step: int) -> Iterator[None]:
    """The training inside the block takes this optimizer step, counted from 1, and is stopped before it is logged."""

    def interrupted(setting: Any, progress: Any, rate: Any, losses: Any, log: Any = loop.log_step) -> None:
        if progress.step == step:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "log_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            yield
