"""A fault of mmdx itself: what is told of it. Its message may quote what stands in a file, and is told to nobody."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path


def told(error: BaseException) -> str:
    """The kind of an error and its place in the code, in one line, which is written to standard error, too."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    line = f"a fault of mmdx itself, {type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
    sys.stderr.write(f"mmdx: {line}\n")
    return line
