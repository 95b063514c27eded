"""Both answers to a study side by side: what each finding scores with the report and without, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmdx.engine.inference.prediction import Prediction

LEAST_CHANGE = 0.05
"""A change of a score below this is not told in a sentence, unless it passes the threshold."""


@dataclass(frozen=True)
class Scored:
    """What one answer says of a finding: its `score`; the `spread` between the members of an ensemble, the `threshold`
    and the `prevalence` in training where they are known; and of which slice (from 1) it is the score, where slices
    alone are scored."""

    score: float
    spread: float | None = None
    threshold: float | None = None
    prevalence: float | None = None
    slice: int | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the score reaches the threshold; None without one."""
        return None if self.threshold is None else self.score >= self.threshold


@dataclass(frozen=True)
class Row:
    """One finding in both answers."""

    finding: str
    with_text: Scored | None
    without_text: Scored | None

    @property
    def change(self) -> float | None:
        """How much the text raises the score; None where one answer is missing."""
        if self.with_text is None or self.without_text is None:
            return None
        return self.with_text.score - self.without_text.score

    @property
    def crosses(self) -> bool:
        """Whether the text turns a yes into a no, or a no into a yes, each by the threshold of its own answer."""
        reached = {one.reached for one in (self.with_text, self.without_text) if one is not None}
        return reached == {True, False}


def rows_of(with_text: Prediction | None, without_text: Prediction | None) -> list[Row]:
    """One row per finding that the model scores, in its order."""
    first = with_text or without_text
    scored = () if first is None else first.scored
    return [Row(finding, _scored(with_text, finding), _scored(without_text, finding)) for finding in scored]


def changes(rows: Sequence[Row], text: str) -> list[str]:
    """What the `text` (such as `report`) changes, a sentence per finding, those that pass a threshold first."""
    told = [row for row in rows if row.change is not None and (row.crosses or abs(row.change) >= LEAST_CHANGE)]
    told.sort(key=lambda row: (not row.crosses, -abs(row.change or 0.0)))
    if not told and any(row.change is not None for row in rows):
        return [f"The {text} changes no score by {LEAST_CHANGE} or more, and no answer passes its threshold by it."]
    return [_change(row, text) for row in told]


def _change(row: Row, text: str) -> str:
    assert row.with_text is not None
    assert row.without_text is not None
    before, after = row.without_text.score, row.with_text.score
    moved = f"{'rises' if after > before else 'falls'} from {before:.2f} to {after:.2f}"
    sentence = f"With the {text}, {row.finding} {moved}"
    if not row.crosses:
        return f"{sentence}."
    thresholds = f"its threshold is {row.with_text.threshold:.2f} with, {row.without_text.threshold:.2f} without"
    return f"{sentence}, {'now' if row.with_text.reached else 'no longer'} a yes: {thresholds}."


def _scored(prediction: Prediction | None, finding: str) -> Scored | None:
    if prediction is None:
        return None
    number, score = (None, prediction.findings.get(finding)) if prediction.findings else prediction.likeliest(finding)
    if score is None:
        return None
    return Scored(
        score,
        prediction.spread_of(finding),
        prediction.thresholds.get(finding),
        prediction.prevalence.get(finding),
        None if number is None else number + 1,
    )
