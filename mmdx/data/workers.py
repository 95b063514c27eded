"""Work in other processes, where relative paths mean what they mean in this one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def in_folder(folder: Path, work: Callable[..., Any], *arguments: Any) -> Any:
    """`work` on its arguments, in a process whose working folder is made `folder` first.

    joblib keeps its workers between calls, each in the folder in which it began: a notebook that changes its folder
    would have them read and write elsewhere.
    """
    os.chdir(folder)
    return work(*arguments)
