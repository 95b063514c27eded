"""Trainings that are stopped at a known step, as by a user's Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mmdx.engine.training import loop


class KilledError(BaseException):
    """Stands for `kill -9`."""


@contextmanager
def killed_at_file(number: int) -> Iterator[list[str]]:
    """Whatever runs inside the block is killed before it gives this file, counted from 1, its name, and removes nothing
    afterwards; the block ends quietly. The list has the names of the files that were given until then."""
    named: list[str] = []

    def replace(path: Path, target: Path, replace: Any = Path.replace) -> Path:
        if len(named) == number - 1:
            patch.setattr(Path, "unlink", lambda *_, **__: None)
            raise KilledError
        named.append(target.name)
        return replace(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        try:
            yield named
        except KilledError:
            named.append("killed")


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
