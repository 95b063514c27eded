"""What other libraries say about a file, kept off the terminal or to the length of a line."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

_CORRUPT = (b"Corrupt JPEG data", b"Premature end of JPEG")
_HARMLESS = b"extraneous bytes"
_one_at_a_time = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps pydicom's warnings and log lines to itself; what matters of them is raised as an error."""
    logger = logging.getLogger("pydicom")
    before = logger.propagate
    logger.propagate = False  # its children log; it handles their records itself, by doing nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = before


@contextmanager
def unlogged(library: str) -> Iterator[None]:
    """Keeps a library that logs what passes through it, names of patients included, from doing so."""
    logger = logging.getLogger(library)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # also for its children, which have no level of their own
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def codec_heard() -> Iterator[None]:
    """Raises `ValueError` where a C codec names pixels as corrupt on standard error, and hands them over all the same.

    The codecs of gdcm write there, below Python, what they can tell of a broken stream. After an error of the block
    their lines are dropped, for the error has its own; whatever else was written meanwhile is passed on.
    """
    with _one_at_a_time, TemporaryFile() as captured:
        terminal = os.dup(2)
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
        captured.seek(0)
        output = captured.read()
    lines = output.splitlines(keepends=True)
    corrupt = [line for line in lines if line.startswith(_CORRUPT) and _HARMLESS not in line]
    if corrupt:
        raise ValueError(corrupt[0].decode(errors="replace").strip())
    for line in lines:
        if not line.startswith(_CORRUPT):
            os.write(2, line)
