"""Packages: which versions are installed, and those that one part alone needs, which stand in an extra.

A missing one is told in a line that names the extra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from mmdx.errors import UsageError

PACKAGES = (
    *("mmdx", "torch", "timm", "transformers", "datasets"),
    *("accelerate", "scikit-learn", "pandas", "pydicom", "numpy"),
)
"""The packages whose versions stand in the record of a run."""


@contextmanager
def needed_by(part: str, package: str, extra: str) -> Iterator[None]:
    """Around the import of a `package` that `part` needs. Raises `UsageError` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError:
        raise UsageError(f"{part} needs the package {package}; install it (pip install 'mmdx[{extra}]')") from None


def lacking_packages(part: str, packages: Iterable[str], extra: str) -> list[str]:
    """A line for each of these `packages` that `part` names and this machine lacks, by the name that imports it."""
    return [
        f"{part}: {package} needs the package {package}; install it (pip install 'mmdx[{extra}]'), or leave it out"
        for package in packages
        if package.isidentifier() and find_spec(package) is None
    ]


def installed_version(package: str) -> str | None:
    """The version of an installed package, by the name that pip gives it; None where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
