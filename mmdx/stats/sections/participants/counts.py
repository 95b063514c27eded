"""How many studies and patients there are at each step from the source to the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool

from mmdx.stats.cohort.enrolled import Enrolled


@dataclass(frozen=True)
class Part:
    """Studies that share a step: `unlabelled` of them have no known label of any finding, `known` one of the finding
    that leads, of which `positive` are positive; each None where the run does not say. `without` counts those that lack
    a modality."""

    name: str
    studies: int
    patients: int
    unlabelled: int | None = None
    known: int | None = None
    positive: int | None = None
    without: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """The steps, each None where no file of the run says it.

    `found` studies in the source are those that were `stored` and those that were `quarantined` (by reason in
    `reasons`). Of an evaluation on a second cohort, `left_out` counts by reason what was stored and not taken. `parts`
    are the splits or folds, `unscored` the studies of the scored split without a score, `finding` is the one that
    leads.
    """

    run: str
    found: int | None
    quarantined: int | None
    reasons: Mapping[str, int]
    stored: int | None
    stored_patients: int | None
    left_out: Mapping[str, int]
    parts: tuple[Part, ...]
    scored: Part
    unscored: int
    finding: str | None
    folds: bool
    of: str
    second: bool
    refitted: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def dealt(self) -> int:
        """Studies in all parts."""
        return sum(part.studies for part in self.parts)

    @property
    def mismatch(self) -> int:
        """Studies that the store had beyond those that were dealt or left out for a reason; 0 where all add up."""
        return 0 if self.stored is None else self.stored - sum(self.left_out.values()) - self.dealt


def flow_of(enrolled: Enrolled, finding: str | None) -> Flow:
    """The flow of a run, with the positives of a finding (None: of its only one, else of none)."""
    store, columns = enrolled.store, list(map(str, enrolled.labels))
    finding = finding if finding in columns else columns[0] if len(columns) == 1 else None
    stored, quarantined = store.get("studies"), store.get("quarantined")
    at_stake = np.ones(len(enrolled.parts), dtype=bool) if enrolled.folds else enrolled.inside(enrolled.of)
    return Flow(
        run=enrolled.run,
        found=None if stored is None or quarantined is None else stored + quarantined,
        quarantined=quarantined,
        reasons=store.get("quarantine_reasons") or {},
        stored=stored,
        stored_patients=store.get("patients"),
        left_out=enrolled.second or {},
        parts=tuple(_part(enrolled, name, enrolled.inside(name), finding) for name in enrolled.names),
        scored=_part(enrolled, "scored", enrolled.scored, finding),
        unscored=int((at_stake & ~enrolled.scored).sum()),
        finding=finding,
        folds=enrolled.folds,
        of=enrolled.of,
        second=enrolled.second is not None,
        refitted=enrolled.refitted,
    )


def _part(enrolled: Enrolled, name: str, rows: Bool[np.ndarray, "n"], finding: str | None) -> Part:
    labels = enrolled.labels[rows]
    own = None if finding is None else labels[finding]
    without = {modality: int((rows & ~present).sum()) for modality, present in enrolled.having().items()}
    return Part(
        name,
        int(rows.sum()),
        enrolled.patient_count(rows),
        int(labels.isna().all(axis=1).sum()) if len(labels.columns) else None,
        None if own is None else int(own.notna().sum()),
        None if own is None else int((own == 1).sum()),
        {modality: count for modality, count in without.items() if count},
    )
