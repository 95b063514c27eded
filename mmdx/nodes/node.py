"""Who is who on a DICOM network: titles of applications, and where one listens."""

from __future__ import annotations

from dataclasses import dataclass

from mmdx.errors import UsageError

LONGEST_TITLE = 16
HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Node:
    """An application of another machine: where it listens, and the AE title that it goes by."""

    host: str
    port: int
    title: str

    @classmethod
    def parsed(cls, text: str, option: str) -> Node:
        """The node that `HOST:PORT:AET` names. Raises `UsageError` where it is not that."""
        parts = text.rsplit(":", 2)
        if len(parts) != 3 or not parts[0] or not parts[1].isascii() or not parts[1].isdigit():
            raise UsageError(f"{option} {text}: is not HOST:PORT:AET, such as pacs.local:104:ARCHIVE")
        if not 0 < int(parts[1]) <= HIGHEST_PORT:
            raise UsageError(f"{option} {text}: port {parts[1]} is not between 1 and {HIGHEST_PORT}")
        return cls(parts[0].strip("[]"), int(parts[1]), checked_title(parts[2], option))


def checked_title(text: str, option: str) -> str:
    r"""An AE title: 1 to 16 characters of ASCII, without `\` and controls. Raises `UsageError` where it is not that."""
    title = text.strip()
    if not 0 < len(title) <= LONGEST_TITLE or not title.isascii() or not title.isprintable() or "\\" in title:
        raise UsageError(f"{option} {text}: is no AE title (1 to {LONGEST_TITLE} letters of ASCII, no backslash)")
    return title
