"""A package of one part alone is told by its extra where it is missing."""

from __future__ import annotations

import pytest

from mmdx.errors import UsageError
from mmdx.extras import installed_version, needed_by


def test_a_missing_package_is_told_by_its_extra() -> None:
    line = r"measuring boxes needs the package no-such; install it \(pip install 'mmdx\[boxes\]'\)"
    with pytest.raises(UsageError, match=line), needed_by("measuring boxes", "no-such", "boxes"):
        import no_such_package  # noqa: F401


def test_what_is_there_passes() -> None:
    with needed_by("arithmetic", "math", "none"):
        import math
    assert math.pi > 3


def test_versions_are_those_that_pip_knows() -> None:
    assert installed_version("pytest") == pytest.__version__
    assert installed_version("no-such-package") is None
