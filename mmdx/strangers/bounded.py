"""Files that anybody may have made, read whole: regular ones alone, of a bounded size, and JSON without NaN.

A pipe or a device under the name of a file would be read for ever.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

from mmdx.errors import DataError, reason, refuse_lack

MOST_BYTES = 256 * 2**20
"""The largest JSON, table or tokenizer that is read."""
ANEW = "get the file anew"
MOST_OF_CONFIG = 2**20
"""The largest YAML that is read: a thousand times one that is long."""


def regular(path: Path, *, most: int | None = None) -> Path:
    """`path`, where a regular file lies, of at most so many bytes; nothing of it is read.

    Raises `FileNotFoundError` where nothing lies, which everybody says in words of their own, and `DataError` for a
    folder, a pipe, a device, and a file that is larger or that the system refuses to look at.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # a name that cannot be one is a ValueError
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read ({_why(error)})") from None
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: is no regular file but {called(found.st_mode)}; put the file itself there")
    if most is not None and found.st_size > most:
        raise DataError(f"{path}: has {found.st_size:,} bytes, more than the {most:,} that such a file may have")
    return path


def read_bytes(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file. Raises as `regular` does."""
    regular(path, most=most)
    try:
        # Between the look and the opening a pipe may have taken its place: opened so, it does not wait for a writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise
    except (OSError, MemoryError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read ({_why(error)})") from None
    if len(content) > most:
        raise DataError(f"{path}: has more than {most:,} bytes, which such a file may have")
    return content


def read_text(path: Path, *, most: int = MOST_BYTES) -> str:
    """The UTF-8 text of a regular file, line breaks as `\\n`. Raises as `regular` does, and for another encoding."""
    try:
        text = read_bytes(path, most=most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 at byte {error.start}; {ANEW}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path, again: str = ANEW) -> Any:
    """The JSON in a file; `again` says what to do about one that is broken. Raises as `read_text` and `parse_json`
    do."""
    return parse_json(read_text(path), str(path), again)


def parse_json(text: str, where: str, again: str = ANEW) -> Any:
    """What a JSON text says. Raises `DataError`, which opens with `where`, for what is no JSON, numbers that are none
    or that no number can hold, a key that stands twice, and what is nested too deep."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deep" if isinstance(error, RecursionError) else reason(error)
        raise DataError(f"{where}: cannot be read as JSON ({said}); {again}") from None


def _why(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else reason(error)


def parse_log_line(text: str, where: str) -> Any:
    """What a line of `log.jsonl` says: there a score may be NaN. Raises `DataError` where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: a line cannot be read as JSON ({reason(error)}); {ANEW}") from None


def called(mode: int) -> str:
    """What lies where no regular file does, by its mode."""
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for is_kind, name in kinds.items() if is_kind(mode)), "a device")


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"it holds {word}, which is no number")


def _finite(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(f"it holds {word[:40]}, which is larger than any number")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' stands twice in one object")
    return content
