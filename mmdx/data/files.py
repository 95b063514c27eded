"""Paths that files name, held inside the data set's own folder.

A table is somebody else's file: a name in it must not make us read, and later publish, a file from elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path, PureWindowsPath

from mmdx.errors import DataError

_IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")


def inside(root: Path, name: str, where: str) -> Path:
    """`root / name`, existing, neither absolute nor outside `root`, links followed.

    Raises `DataError` at the place `where` for a name that is empty, leaves the folder or is not there.
    """
    if not name.strip() or "\0" in name:
        raise DataError(f"{where}: {name!r} is no file name; correct it")
    if Path(name).is_absolute() or PureWindowsPath(name).is_absolute() or PureWindowsPath(name).drive:
        raise DataError(f"{where}: '{name}' is absolute; write it relative to {root}")
    path = root / name
    try:
        # strict: a link that points nowhere or in a circle, and a name too long to exist, are errors here.
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        outside = not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))  # noqa: PTH100
        if outside:
            raise DataError(f"{where}: '{name}' leaves {root}; keep all files of the data set inside it") from None
        raise DataError(f"{where}: no file '{name}' under {root}; put it there or correct the name") from None
    if not real.is_relative_to(root.resolve()):
        raise DataError(f"{where}: '{name}' leaves {root}; keep all files of the data set inside it")
    return path


def listing(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """The files and the folders right inside `folder`, by name, without those that systems leave behind.

    Left out: hidden entries, `__MACOSX`, `Thumbs.db`, `desktop.ini`, `DICOMDIR`. Raises `DataError` where the folder
    cannot be listed or an entry is a link out of `root`, the folder of the data set.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name not in _IGNORED)
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder; correct the path") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror or error}") from None
    entries = [inside(root, str(path.relative_to(root)), str(folder)) for path in entries]
    return [p for p in entries if p.is_file()], [p for p in entries if p.is_dir()]
