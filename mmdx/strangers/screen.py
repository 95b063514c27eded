"""What is shown on a terminal: names and sentences of others cannot move its cursor, colour it or turn its text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mmdx.errors import harmless


def screen(*, stderr: bool = False, quiet: bool = False) -> Console:
    """The console of a verb, on standard output or standard error."""
    return _Screen(stderr=stderr, quiet=quiet)


class _Screen(Console):
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
