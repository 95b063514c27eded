"""`mmdx audit`, and the verdict that every training repeats."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from mmdx.config import ReportOptions
from mmdx.data.audit.audit import AUDIT_FORMAT, audit, splits_digest
from mmdx.data.audit.issues import SEVERITIES
from mmdx.data.audit.lexicon import SHIPPED, read_lexicon
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.errors import UsageError
from mmdx.study import Split

AUDIT_FILE = "audit.json"
MOST_IMAGES = 20_000
"""Images of a store up to which a training audits it by itself; beyond, it takes minutes, and is for `mmdx audit`."""
_STYLES = {"leak": "bold red", "warning": "yellow", "note": ""}
_LINES = 2


def audit_store(
    folder: Path,
    console: Console,
    *,
    out: Path | None = None,
    lexicon: Path | None = None,
    keep_sections: Sequence[str] = (),
    drop_sections: Sequence[str] = (),
    mask: Sequence[str] = (),
) -> bool:
    """Audits a store, prints what was found and writes it to `out` (`audit.json` in the store when None).

    True where the splits do not leak. Raises `UsageError` where the file cannot be written.
    """
    store, terms = Store(folder), read_lexicon(lexicon or SHIPPED)
    place = out or folder / AUDIT_FILE
    if not os.access(place if place.exists() else place.parent, os.W_OK) or place.is_dir():
        raise UsageError(f"{place}: cannot be written; give --out FILE")
    report = ReportOptions(keep_sections=tuple(keep_sections), drop_sections=tuple(drop_sections), mask=tuple(mask))
    asked = report if report != ReportOptions() else None
    found = audit(store, store.splits, lexicon=terms, report=asked)
    result = found.to_json()
    _write(place, result)
    for line in table(result, width=min(console.width, 80)):
        console.print(line)
    console.print(f"audit:  {place}", markup=False, highlight=False, soft_wrap=True)
    return not found.leaks


def verdict_for(store: Store, splits: Splits) -> dict[str, Any]:
    """The audit of `store` under `splits`: the one that lies in it where it is of these, else made now.

    What is made for the store's own splits is left in it, where it can be written. A store of more than `MOST_IMAGES`
    images is not audited here; then `findings` is empty, and `verdict` says so.
    """
    # What is left out of training could only leak into training: to the audit it is of that split.
    words: Iterator[Split] = ("train" if split == "unused" else split for split in splits)
    splits = Splits(tuple(words), splits.patient_ids)
    digest = splits_digest(store.study_ids, splits)
    known = _stored(store.folder / AUDIT_FILE)
    if known is not None and _fits(known, store, digest):
        return known
    pictures = [name for name, facts in store.modalities.items() if facts.kind == "images"]
    images = sum(int(np.sum(store.lengths(name))) for name in pictures)
    if images > MOST_IMAGES:
        verdict = f"not done, for {images} images take minutes; run mmdx audit {store.folder}"
        return {"fingerprint": store.fingerprint, "splits": digest, "verdict": verdict, "findings": []}
    result = audit(store, splits, lexicon=read_lexicon()).to_json()
    if splits == store.splits and os.access(store.folder, os.W_OK):
        _write(store.folder / AUDIT_FILE, result)
    return result


def table(result: Mapping[str, Any], *, width: int = 80) -> list[Text]:
    """The findings, the worst first, in one or two lines of `width` columns each; the verdict ends them."""
    lines: list[Text] = []
    edge = max(map(len, SEVERITIES)) + 2
    for finding in result["findings"]:
        severity = finding["severity"]
        wrapped = textwrap.wrap(finding["sentence"], width - edge, max_lines=_LINES, placeholder=" …")
        for index, part in enumerate(wrapped):
            label = severity if index == 0 else ""
            lines.append(Text.assemble((label.ljust(edge), _STYLES[severity]), part))
    lines.append(Text())
    verdict = f"Verdict: {result['verdict']}."
    return [*lines, *(Text(part, style="bold") for part in textwrap.wrap(verdict, width))]


def _stored(path: Path) -> dict[str, Any] | None:
    """The audit in a file; None where there is none, or one that cannot be read as such, which is then made anew."""
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return known if isinstance(known, dict) else None


def _fits(known: Mapping[str, Any], store: Store, digest: str) -> bool:
    key = (AUDIT_FORMAT, store.fingerprint, digest)
    return (known.get("format"), known.get("fingerprint"), known.get("splits")) == key


def _write(path: Path, result: Mapping[str, Any]) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
