"""`mmdx audit`, and the verdict that every training repeats."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmdx.data.audit.audit import AUDIT_FORMAT, Audit, audit, splits_digest
from mmdx.data.audit.issues import SEVERITIES, Issue
from mmdx.data.audit.lexicon import SHIPPED, read_lexicon
from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.errors import DataError, UsageError
from mmdx.kinds import KINDS
from mmdx.schema import Config, ReportOptions
from mmdx.strangers.bounded import read_json
from mmdx.study import Split

AUDIT_FILE = "audit.json"
TERMS_MASKED = ReportOptions()
MOST_IMAGES = 20_000
"""Images of a store up to which a training audits it by itself; beyond, it takes minutes, and is for `mmdx audit`."""


def audit_store(
    folder: Path,
    *,
    out: Path | None = None,
    lexicon: Path | None = None,
    reports: ReportOptions = TERMS_MASKED,
    count: Count = uncounted,
) -> Audit:
    """Audits the store in a folder under its own split and writes that to `out`, by default `audit.json` in the store.

    `lexicon` says which terms state a finding, by default the one that comes with mmdx; `reports` what is withheld
    from reports before the second probe, where it is empty the terms of the lexicon. Raises `UsageError`, before any
    minute is spent, where the file cannot be written.
    """
    store, terms = Store(folder), read_lexicon(lexicon or SHIPPED)
    place = out or folder / AUDIT_FILE
    if not os.access(place if place.exists() else place.parent, os.W_OK) or place.is_dir():
        raise UsageError(f"{place}: cannot be written; give --out FILE")
    withheld = reports if reports != TERMS_MASKED else None
    result = audit(store, store.splits, lexicon=terms, report=withheld, count=count)
    result.save(place)
    return result


def verdict_for(store: Store, splits: Splits, count: Count = uncounted) -> dict[str, Any]:
    """The audit of `store` under `splits`: the one that lies in it where it is of these, else made now.

    What is made for the store's own splits is left in it, where it can be written. A store of more than `MOST_IMAGES`
    images is not audited here; then `findings` is empty, and `verdict` says so.
    """
    # What is left out of training could only leak into training: to the audit it is of that split.
    words: Iterator[Split] = ("train" if split == "unused" else split for split in splits)
    splits = Splits(tuple(words), splits.patient_ids)
    digest = splits_digest(store.study_ids, splits)
    stored = _stored(store.folder / AUDIT_FILE)
    if stored is not None and _fits(stored, store, digest):
        return stored
    pictures = [name for name, facts in store.stored.items() if KINDS[facts.kind].pictured]
    images = sum(int(np.sum(store.lengths(name))) for name in pictures)
    if images > MOST_IMAGES:
        verdict = f"not done, for {images} images take minutes; run mmdx audit {store.folder}"
        return {"fingerprint": store.fingerprint, "splits": digest, "verdict": verdict, "findings": []}
    result = audit(store, splits, lexicon=read_lexicon(), count=count)
    if splits == store.splits and os.access(store.folder, os.W_OK):
        result.save(store.folder / AUDIT_FILE)
    return result.to_json()


def audit_for(config: Config, store: Store, splits: Splits, count: Count = uncounted) -> dict[str, Any]:
    """The audit of a run: `verdict_for` its store and splits, and what its config says of the texts and traits that it
    reads (`data.provenance`): a leak for each text from which labels were made, a warning for what was not known
    before the images were."""
    audit, issues = verdict_for(store, splits, count), _of_provenance(config, store)
    if not issues:
        return audit
    counts = {name: sum(issue.severity == name for issue in issues) for name in SEVERITIES}
    known = audit.get("counts", {})
    return audit | {
        "verdict": f"{'; '.join(issue.sentence for issue in issues)}; {audit['verdict']}",
        "counts": known | {name: known.get(name, 0) + more for name, more in counts.items() if more},
        "findings": [*(issue.to_json() for issue in issues), *audit["findings"]],
    }


def _of_provenance(config: Config, store: Store) -> list[Issue]:
    data, issues = config.data, []
    kinds = {name: facts.kind for name, facts in store.modalities.items()}
    for name in config.model.inputs:
        if name in kinds and KINDS[kinds[name]].worded:
            if (made := data.provenance.made_labels(name, data.reports)) is not None:
                sentence = f"labels were made from {made}, which the model reads: no gain by it can be called shown"
                remedy = "withhold it by data.reports, or take labels from elsewhere"
                issues.append(Issue("labels from a text", "leak", f"{sentence}; {remedy}"))
            if (late := data.provenance.written_after(name, data.reports)) is not None:
                sentence = f"the model reads {late}, which was not known before the images were"
                issues.append(Issue("known too late", "warning", f"{sentence}; withhold it by data.reports"))
        late_traits = [trait for trait in data.tables.get(name, ()) if trait in data.provenance.after]
        if late_traits:
            sentence = f"the model reads {', '.join(late_traits)}, which was not known before the images were"
            issues.append(Issue("known too late", "warning", f"{sentence}; take it out of data.tables"))
    return issues


def _stored(path: Path) -> dict[str, Any] | None:
    """The audit in a file; None where there is none, or one that cannot be read as such, which is then made anew."""
    if not path.is_file():
        return None
    try:
        stored = read_json(path)
    except DataError:
        return None
    return stored if isinstance(stored, dict) else None


def _fits(stored: Mapping[str, Any], store: Store, digest: str) -> bool:
    key = (AUDIT_FORMAT, store.fingerprint, digest)
    return (stored.get("format"), stored.get("fingerprint"), stored.get("splits")) == key
