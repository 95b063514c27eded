"""Packages that one part alone needs stand in an extra, and a missing one is told in a line that names the extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmdx.errors import UsageError


@contextmanager
def needed_by(part: str, package: str, extra: str) -> Iterator[None]:
    """Around the import of a `package` that `part` needs. Raises `UsageError` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError:
        raise UsageError(f"{part} needs the package {package}; install it (pip install 'mmdx[{extra}]')") from None
