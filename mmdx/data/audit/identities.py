"""The same patient, study, series or image on two sides of a split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from mmdx.data.audit.evidence import Evidence
from mmdx.data.audit.issues import Finding, plural
from mmdx.errors import some

Pair = tuple[int, int]


def check_identities(evidence: Evidence) -> list[Finding]:
    """Patients, studies, series and images that stand twice."""
    return [
        *_same_key(evidence, list(evidence.patient_ids), "patient", "deal the splits by patient"),
        *_same_key(evidence, list(evidence.series), "series", "keep it in one study"),
        *_alike_names(evidence, evidence.patient_ids, "patient"),
        *_alike_names(evidence, evidence.study_ids, "study"),
        *_identical_images(evidence),
    ]


def identical_pairs(evidence: Evidence) -> dict[Pair, int]:
    """Studies of different patients that share stored images, with how many; blank images do not count.

    Of three studies or more that hold one image, each is paired with the first.
    """
    found: dict[Pair, int] = {}
    for rows in _owners_by_digest(evidence):
        first = rows[0]
        for row in rows[1:]:
            if evidence.patients[row] != evidence.patients[first]:
                found[first, row] = found.get((first, row), 0) + 1
    return found


def _owners_by_digest(evidence: Evidence) -> Iterable[list[int]]:
    """The rows of each image that more than one study holds."""
    facts = list(evidence.images.values())
    if not facts:
        return
    digests = np.concatenate([f.digests[~f.blank] for f in facts])
    owners = np.concatenate([f.owner[~f.blank] for f in facts])
    order = np.lexsort((owners, digests))
    starts = np.flatnonzero(np.r_[True, digests[order][1:] != digests[order][:-1]])
    for group in np.split(owners[order], starts[1:]):
        rows = list(dict.fromkeys(group.tolist()))
        if len(rows) > 1:
            yield rows


def _identical_images(evidence: Evidence) -> list[Finding]:
    pairs = identical_pairs(evidence)
    across = {pair: count for pair, count in pairs.items() if crosses(evidence, pair)}
    within = {pair: count for pair, count in pairs.items() if pair not in across}
    findings = []
    if across:
        sentence = f"{told(evidence, across, 'share images')} across splits; give both one patient_id"
        findings.append(Finding("identical images", "leak", sentence, *_pair_rows(evidence, across)))
    if within:
        sentence = f"{told(evidence, within, 'share images')} within a split; give both one patient_id"
        findings.append(Finding("identical images", "warning", sentence, *_pair_rows(evidence, within)))
    repeated = [
        rows for rows in _owners_by_digest(evidence) if len({int(evidence.patients[row]) for row in rows}) < len(rows)
    ]
    if repeated:
        own = sorted({row for rows in repeated for row in rows})
        sentence = (
            f"{plural(len(own), 'study', 'studies')} of one patient repeat images of each other; keep one of them"
        )
        findings.append(Finding("repeated images", "note", sentence, tuple(evidence.study_ids[row] for row in own)))
    return findings


def _same_key(evidence: Evidence, keys: Sequence[str | None], what: str, remedy: str) -> list[Finding]:
    """A leak where a key is in two splits."""
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            rows.setdefault(key, []).append(row)
    split = {key: own for key, own in rows.items() if len({evidence.splits[row] for row in own}) > 1}
    if not split:
        return []
    studies = tuple(evidence.study_ids[row] for own in split.values() for row in own)
    sentence = f"{plural(len(split), what, what if what == 'series' else '')} in two splits ({some(studies)}); {remedy}"
    return [Finding(f"same {what}", "leak", sentence, studies)]


def _alike_names(evidence: Evidence, names: Sequence[str], what: str) -> list[Finding]:
    """A warning where names in two splits differ in case, marks and leading zeros alone (`P-007`, `p7`)."""
    by_core: dict[str, dict[str, int]] = {}
    for row, name in enumerate(names):
        by_core.setdefault(_core(name), {}).setdefault(name, row)
    alike = [
        written
        for core, written in by_core.items()
        if core and len({evidence.splits[row] for row in written.values()}) > 1
    ]
    alike = [written for written in alike if len(written) > 1]
    if not alike:
        return []
    rows = [row for written in alike for row in written.values()]
    sentence = (
        f"{what} ids that differ in case, marks or leading zeros alone stand in two splits "
        f"({' and '.join(list(alike[0])[:2])}); are they the same? then write them alike"
    )
    return [Finding(f"{what} ids", "warning", sentence, tuple(evidence.study_ids[row] for row in rows))]


def _core(name: str) -> str:
    words = re.findall(r"[^\W\d_]+|\d+", name.casefold())
    return " ".join(str(int(word)) if word.isdecimal() else word for word in words)


def crosses(evidence: Evidence, pair: Pair) -> bool:
    return evidence.splits[pair[0]] != evidence.splits[pair[1]]


def told(evidence: Evidence, pairs: Iterable[Pair], what: str) -> str:
    """`2 pairs of patients WHAT (s1 and s7, …)`, by their studies."""
    listed = list(pairs)
    first = " and ".join(evidence.study_ids[row] for row in listed[0])
    more = ", …" if len(listed) > 1 else ""
    return f"{plural(len(listed), 'pair')} of patients {what} ({first}{more})"


def _pair_rows(evidence: Evidence, pairs: dict[Pair, int]) -> tuple[tuple[str, ...], dict[str, object]]:
    named = [[evidence.study_ids[a], evidence.study_ids[b], count] for (a, b), count in pairs.items()]
    rows = tuple(dict.fromkeys(evidence.study_ids[row] for pair in pairs for row in pair))
    return rows, {"pairs": [{"studies": [a, b], "images": count} for a, b, count in named]}
