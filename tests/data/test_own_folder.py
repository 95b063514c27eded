"""A folder for strangers' files: private, where libraries write, and gone at the end."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from mmdx.data.own_folder import own_folder


def test_it_is_private_holds_what_libraries_write_and_goes() -> None:
    before = tempfile.tempdir
    made: list[Path] = []

    def interrupted() -> None:
        with own_folder("mmdx-test-") as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            with tempfile.NamedTemporaryFile(delete=False) as file:
                assert Path(file.name).parent == folder
            made.append(folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not made[0].exists()
    assert tempfile.tempdir == before
