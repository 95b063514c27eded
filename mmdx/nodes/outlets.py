"""Where files of answers go: to a node by C-STORE, to a DICOMweb server by STOW-RS, or to both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmdx.errors import MmdxError
from mmdx.nodes.node import Node, checked_title
from mmdx.nodes.sending import echo, store_files
from mmdx.nodes.stow import checked_address, post_files


@dataclass(frozen=True)
class Outlets:
    """A node and the address of a server, None where there is none. `title` is the AE title by which files are sent."""

    title: str = "MMDX"
    node: Node | None = None
    stow: str | None = None

    @classmethod
    def parsed(cls, title: str, to: str | None, stow: str | None) -> Outlets:
        """The outlets that options name. Raises `UsageError` where one of them is not what it should be."""
        return cls(
            checked_title(title, "--aet"),
            None if to is None else Node.parsed(to, "--to"),
            None if stow is None else checked_address(stow, "--stow"),
        )

    def absent(self) -> list[str]:
        """A line where the node does not answer: it may later."""
        line = "" if self.node is None else echo(self.node, self.title)
        return [f"not there yet: {line}"] if line else []

    def send(self, paths: Sequence[Path]) -> list[str]:
        """Sends files to each outlet, and returns a line for whatever was not kept."""
        lines = []
        if (node := self.node) is not None:
            lines += _tried(lambda: store_files(node, self.title, paths))
        if (stow := self.stow) is not None:
            lines += _tried(lambda: post_files(stow, paths))
        return lines


def _tried(send: Callable[[], list[str]]) -> list[str]:
    try:
        return send()
    except MmdxError as error:
        return list(error.problems)
