"""What a model may read of the reports of a store: the one place where a stored text is redacted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmdx.data.store.store import Store
from mmdx.data.text.redaction import redacted
from mmdx.schema import ReportOptions


@dataclass(frozen=True)
class Reports:
    """The texts of a store without what `options` withhold, so that no caller can forget to."""

    store: Store
    options: ReportOptions

    def of(self, row: int, modality: str) -> str:
        """What is left of the text of a study; empty where it has none, or nothing is left."""
        return redacted(self.store.read(row).text(modality) or "", self.options)

    def over(self, rows: Sequence[int], modality: str) -> Iterator[str]:
        """What is left of the texts of several studies, in the order of `rows`."""
        return (self.of(row, modality) for row in rows)
