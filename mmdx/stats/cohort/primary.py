"""The primary finding of a comparison: the one that its runs, or whoever asks, named before anything was tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import EVALUATION, RunLayout
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


def _named_by(source: Source) -> str | None:
    """What the config of a run names, or the record beside a file that lies outside of its run."""
    if source.table is not None:
        return None
    if source.evaluation is not None:
        return _text(source.evaluation, "primary", source.file.with_name(EVALUATION))
    path = RunLayout(source.folder).config if source.folder is not None else None
    if path is None or not path.is_file():
        return None
    section = _read(path).get("data")
    return _text(section, "primary", path) if isinstance(section, Mapping) else None


def _text(section: Mapping[str, Any], key: str, path: Path) -> str | None:
    value = section.get(key)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{path}: {key} is {value!r}; name one finding")
    return value


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = parse_yaml(read_text(path, most=MOST_OF_CONFIG), str(path))
    except FileNotFoundError:
        raise DataError(f"{path}: missing; evaluate the run again") from None
    return content if isinstance(content, Mapping) else {}
