"""What a model answers for the studies of one source, and why a study has no answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, overload, runtime_checkable

import pandas as pd
from markupsafe import escape

from mmdx.errors import DataError
from mmdx.models.domain import FALSE_ALARMS


@runtime_checkable
class Answer(Protocol):
    """The answer for one study: as rows of a table, and as a notebook shows it."""

    def frame(self) -> pd.DataFrame: ...

    def _repr_html_(self) -> str: ...


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Standing:
    """What the scores of one answer are to be read against.

    `rows` says of what they are, studies or slices. `calibrated` says whether they are probabilities: whether studies
    that the model had not seen, shown as much as this one, were held against them. Beside them stand, by finding and
    where they are known, the `thresholds` that validation chose (Youden's J) and the `prevalence` among what the model
    learned from. `apart` says by input how far the images lie from those that the model learned from, where that is
    known: as a share of the distance within which 95 % of validation patients lie.
    """

    rows: Literal["studies", "slices"] = "studies"
    calibrated: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    prevalence: Mapping[str, float] = field(default_factory=dict)
    apart: Mapping[str, float] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """What the scores are called."""
        return "probability" if self.calibrated else "score"

    @property
    def beside(self) -> dict[str, Mapping[str, float]]:
        """What stands beside the scores, by the head of its column, and by finding."""
        known = {"threshold": self.thresholds, "prevalence": self.prevalence}
        return {name: values for name, values in known.items() if values}

    @property
    def warnings(self) -> list[str]:
        """Why the scores should not be relied on."""
        return [
            f"warning: {name} is unlike the training images ({apart:.1f} times as far from them as "
            f"{1 - FALSE_ALARMS:.0%} of validation patients are at most); do not rely on these scores"
            for name, apart in self.apart.items()
            if apart > 1
        ]

    @property
    def meaning(self) -> list[str]:
        """Sentences on what the scores mean, warnings first, and what stands beside them."""
        lines = self.warnings + (
            [] if self.calibrated else ["scores are not calibrated: they rank, and are no probabilities"]
        )
        if self.thresholds:
            lines.append(f"threshold: a {self.called} at or above it is a yes (Youden's J on validation {self.rows})")
        return lines + ([f"prevalence: among training {self.rows}"] if self.prevalence else [])

    def to_json(self) -> dict[str, Any]:
        """Its part of the entry of a study; what is not known has no key."""
        known = {"thresholds": dict(self.thresholds), "prevalence": dict(self.prevalence), "apart": dict(self.apart)}
        return {"calibrated": self.calibrated} | {name: values for name, values in known.items() if values}


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
