"""A written comparison, read back from its folder: what its models measure, how they differ, in whom, and on which
studies they disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdx.errors import DataError
from mmdx.files import RunLayout
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.place import RECORD
from mmdx.strangers.bounded import read_bytes, read_json

MEAN = "mean over findings"
"""What is chosen in place of a finding."""
ALL = "all"
MOST_PICTURE = 2**24
"""Bytes of a picture, at most."""
_PNG = b"\x89PNG\r\n\x1a\n"
AGAIN = "compare again (mmdx compare)"


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval, where it has one, else why not."""

    value: float | None
    low: float | None = None
    high: float | None = None
    refused: str = ""

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Interval | None:
        """From an estimate of `compare.json`."""
        if record is None:
            return None
        bounds = (_number(record.get(name)) for name in ("value", "low", "high"))
        return cls(*bounds, refused=str(record.get("refused") or ""))


@dataclass(frozen=True)
class Measured:
    """One model: its `estimate`, and by how much the reference is above it, with the p-value after Holm."""

    arm: str
    estimate: Interval | None
    difference: Interval | None = None
    p: float | None = None
    shown: bool = False


@dataclass(frozen=True)
class Group:
    """One subgroup of patients: AUROC of the reference, and its difference to the second model."""

    name: str
    patients: int
    auroc: Interval | None
    difference: Interval | None


@dataclass(frozen=True)
class Apart:
    """A study and finding on which a model and the reference disagree."""

    study: str
    finding: str
    label: int
    arm: str
    reference_score: float
    score: float


@dataclass(frozen=True)
class Pictured:
    """A picture of such a study: the name of its figure, and what it shows."""

    figure: str
    study: str
    finding: str
    caption: str


@dataclass(frozen=True)
class Written:
    """The comparison in a folder that `mmdx compare` left, and its `record`, which anybody may have written."""

    folder: Path
    record: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Written:
        """Raises `DataError` where the record is none, or lacks what the page shows."""
        try:
            record = read_json(folder / RECORD, AGAIN)
        except FileNotFoundError:
            raise DataError(f"{folder}: holds no comparison ({RECORD}); {AGAIN}") from None
        written = cls(folder, record if isinstance(record, dict) else {})
        try:
            for finding in written.findings:
                written.measured(finding, "auroc")
            for trait in written.traits:
                written.groups(trait)
            _ = written.disagreements, written.pictures, written.ground
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError(f"{folder / RECORD}: is no whole comparison of this version; {AGAIN}") from None
        return written

    @property
    def reference(self) -> str:
        """The model that the others are compared with."""
        return str(self.record["reference"])

    @property
    def ground(self) -> str:
        """On what the comparison stands."""
        rows, patients = int(self.record["studies"]), int(self.record["patients"])
        return f"{rows:,} studies of {patients:,} patients, split {self.record['split']}"

    @property
    def findings(self) -> list[str]:
        """What can be chosen: the mean where there is one, then each finding."""
        means = any(one["finding"] is None for one in self.record["estimates"])
        return [*([MEAN] if means else []), *(str(one["finding"]) for one in self.record["findings"])]

    @property
    def metrics(self) -> dict[str, str]:
        """The titles of the metrics that were computed, by name."""
        known = {one["metric"] for one in self.record["estimates"]}
        return {name: metric.title for name, metric in METRICS.items() if name in known}

    def measured(self, finding: str, metric: str) -> list[Measured]:
        """What each model reaches for a finding, in the order of the comparison."""
        chosen = None if finding == MEAN else finding
        estimates = _by_arm(self.record["estimates"], chosen, metric)
        differences = _by_arm(self.record["differences"], chosen, metric)
        rows = []
        for arm in (str(one["name"]) for one in self.record["arms"]):
            against = differences.get(arm, {})
            difference, p = Interval.of(against or None), _number(against.get("p_holm"))
            rows.append(
                Measured(arm, Interval.of(estimates.get(arm)), difference, p, bool(against.get("shown_to_differ")))
            )
        return rows

    @property
    def traits(self) -> list[str]:
        """The traits by which patients were grouped."""
        return list(dict.fromkeys(str(one["trait"]) for one in self._subgroups.get("groups", [])))

    @property
    def second(self) -> str:
        """The model that the reference is compared with inside of groups; empty where there is none."""
        return str(self._subgroups.get("second") or "")

    def groups(self, trait: str) -> list[Group]:
        """The groups by one trait."""
        return [
            Group(str(one["group"]), int(one["patients"]), Interval.of(one["auroc"]), Interval.of(one["difference"]))
            for one in self._subgroups.get("groups", [])
            if one["trait"] == trait
        ]

    def gap(self, trait: str) -> str:
        """Whether the groups of a trait differ beyond chance, in a sentence; empty where that was not tested."""
        for one in self._subgroups.get("gaps", []):
            if one["trait"] == trait and _number(one["gap"]) is not None:
                shown = "was shown" if one["shown"] else "was not shown, which does not prove the groups alike"
                return f"From {one['lowest']} to {one['highest']} it is {one['gap']:.3f}; a gap beyond chance {shown}."
        return ""

    @property
    def disagreements(self) -> list[Apart]:
        """Studies and findings on which models disagree, by model those that lie farthest apart."""
        return [
            Apart(
                study=str(one["row"]),
                finding=str(one["finding"]),
                label=int(one["label"]),
                arm=str(one["arm"]),
                reference_score=float(one["reference_score"]),
                score=float(one["score"]),
            )
            for one in self.record["sections"].get("disagreements") or []
        ]

    @property
    def pictures(self) -> list[Pictured]:
        """The pictures of such studies."""
        facts = ("figure", "study", "finding", "caption")
        return [Pictured(*(str(one[fact]) for fact in facts)) for one in self.record.get("pictures", [])]

    def picture(self, figure: str) -> bytes:
        """The PNG of one of `pictures`. Raises `DataError` where there is none of this name, or it is no PNG."""
        if figure not in [one.figure for one in self.pictures] or Path(figure).name != figure:
            raise DataError(f"{figure}: no picture of this comparison")
        path = self.folder / "figures" / f"{figure}.png"
        try:
            content = read_bytes(path, most=MOST_PICTURE)
        except FileNotFoundError:
            raise DataError(f"{path}: missing; {AGAIN}") from None
        if not content.startswith(_PNG):
            raise DataError(f"{path}: is no PNG; {AGAIN}")
        return content

    @property
    def _subgroups(self) -> Mapping[str, Any]:
        return self.record["sections"].get("subgroups") or {}


def is_comparison(folder: Path) -> bool:
    """Whether a folder holds a comparison and no run."""
    return (folder / RECORD).is_file() and not RunLayout(folder).config.is_file()


def _by_arm(records: Sequence[Mapping[str, Any]], finding: str | None, metric: str) -> dict[str, Mapping[str, Any]]:
    return {str(one["arm"]): one for one in records if one["metric"] == metric and one["finding"] == finding}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
