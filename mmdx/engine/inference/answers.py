"""What a model answers for the studies of one source, and why a study has no answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, overload, runtime_checkable

import pandas as pd
from markupsafe import escape

from mmdx.errors import DataError


@runtime_checkable
class Answer(Protocol):
    """The answer for one study: as rows of a table, and as a notebook shows it."""

    def frame(self) -> pd.DataFrame: ...

    def _repr_html_(self) -> str: ...


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Refused:
    """A study without an answer, and the reason in one line."""

    study_id: str
    reason: str

    def __str__(self) -> str:
        return f"refused: {self.study_id}: {self.reason}"


class Answers(Sequence[A]):
    """The answers for the studies of one source, in its order. `refused` has one line per study without an answer."""

    def __init__(self, answers: Iterable[A], refused: Iterable[str] = ()) -> None:
        self._answers, self.refused = tuple(answers), tuple(refused)

    @overload
    def __getitem__(self, index: int) -> A: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[A]: ...

    def __getitem__(self, index: int | slice) -> A | Sequence[A]:
        return self._answers[index]

    def __len__(self) -> int:
        return len(self._answers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} answered, {len(self.refused)} refused)"

    @abstractmethod
    def save(self, folder: str | Path) -> None:
        """Writes the files of all studies into `folder`. Raises `MmdxError` where it cannot be written to."""

    def frame(self) -> pd.DataFrame:
        """The rows of all studies, one study after the other."""
        frames = [answer.frame() for answer in self]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def check(self) -> None:
        """Raises `DataError`, with one line per refused study, where no study has an answer."""
        if self.refused and not len(self):
            raise DataError(self.refused)

    def _repr_html_(self) -> str:
        shown = [answer._repr_html_() for answer in self]
        return "".join(shown + [f"<p>{escape(line)}</p>" for line in self.refused])
