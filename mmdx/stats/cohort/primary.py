"""What runs, or whoever asks, stated before anything was tested: the primary finding, and the operating point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import EVALUATION, RunLayout
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.sources import Source
from mmdx.strangers.bounded import MOST_OF_CONFIG, read_text
from mmdx.yaml_text import parse_yaml


def primary_of(sources: Sequence[Source], findings: Sequence[str], stated: str | None = None) -> str | None:
    """The primary finding: the `stated` one, else that of the runs; None where none names one.

    Runs that name none go with the others. Raises `UsageError` where runs name different ones, or where it is none of
    the `findings` that were scored.
    """
    named = {source.name: _named_by(source) for source in sources if stated is None}
    named = {name: primary for name, primary in named.items() if primary is not None}
    if len(set(named.values())) > 1:
        pairs = ", ".join(f"'{primary}' in {name}" for name, primary in named.items())
        raise UsageError(f"data.primary: {pairs}; state one primary finding for the comparison (--primary)")
    primary = stated or next(iter(named.values()), None)
    if primary is not None and primary not in findings:
        raise UsageError(f"primary finding '{primary}': not in the predictions; {did_you_mean(primary, findings)}")
    return primary


def operating_point_of(sources: Sequence[Source], stated: OperatingPoint | None = None) -> OperatingPoint | None:
    """The operating point: the `stated` one, else that of the runs; None where none names one.

    Runs that name none go with the others. Raises `UsageError` where runs name different ones, and `DataError` where
    what one names is none.
    """
    named = {source.name: _point_of(source) for source in sources if stated is None}
    named = {name: point for name, point in named.items() if point is not None}
    if len(set(named.values())) > 1:
        pairs = ", ".join(f"{point} in {name}" for name, point in named.items())
        raise UsageError(f"data.operating_point: {pairs}; state one for the comparison (--operating-point)")
    return stated or next(iter(named.values()), None)


def parse_operating_point(stated: str | Mapping[str, Any]) -> OperatingPoint:
    """`sensitivity=0.95` or `{"sensitivity": 0.95}`. Raises `UsageError` where it is none."""
    pair = stated.partition("=") if isinstance(stated, str) else None
    try:
        return OperatingPoint.model_validate({pair[0].strip(): pair[2].strip()} if pair else stated)
    except ValidationError:
        raise UsageError(
            f"operating point {stated!r}: name one of sensitivity, specificity and threshold, and a number between 0 "
            "and 1, such as sensitivity=0.95"
        ) from None


def _named_by(source: Source) -> str | None:
    value, path = _stated_by(source, "primary")
    if value is not None and not isinstance(value, str):
        raise DataError(f"{path}: primary is {value!r}; name one finding")
    return value


def _point_of(source: Source) -> OperatingPoint | None:
    value, path = _stated_by(source, "operating_point")
    try:
        return None if value is None else OperatingPoint.model_validate(value)
    except ValidationError:
        raise DataError(f"{path}: operating_point is {value!r}; give one like {{sensitivity: 0.95}}") from None


def _stated_by(source: Source, key: str) -> tuple[Any, Path]:
    """What the config of a run says, or the record beside a file that lies outside of its run, and where."""
    if source.table is not None:
        return None, source.file
    if source.evaluation is not None:
        return source.evaluation.get(key), source.file.with_name(EVALUATION)
    path = RunLayout(source.folder).config if source.folder is not None else None
    if path is None or not path.is_file():
        return None, source.file
    section = _read(path).get("data")
    return section.get(key) if isinstance(section, Mapping) else None, path


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = parse_yaml(read_text(path, most=MOST_OF_CONFIG), str(path))
    except FileNotFoundError:
        raise DataError(f"{path}: missing; evaluate the run again") from None
    return content if isinstance(content, Mapping) else {}
