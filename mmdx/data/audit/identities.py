"""The same patient, study, series or image on two sides of a split."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np

from mmdx.data.audit.issues import PATIENTS, Issue, plural
from mmdx.data.audit.pixels import ImageFacts
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.errors import some
from mmdx.study import PATIENTS_UNKNOWN

Pair = tuple[int, int]


def check_identities(facts: StoreFacts) -> list[Issue]:
    """Issues with patients, series and images that stand in the store more than once."""
    return [
        *_unknown_patients(facts),
        *_same_key(facts, list(facts.patient_ids), "patient", "deal the splits by patient"),
        *_same_key(facts, list(facts.series), "series", "keep it in one study"),
        *_alike_names(facts, facts.patient_ids, "patient"),
        *_alike_names(facts, facts.study_ids, "study"),
        *_identical_images(facts),
        *_one_picture_twice(facts),
    ]


def _unknown_patients(facts: StoreFacts) -> list[Issue]:
    count, total = facts.patients_unknown, len(facts.study_ids)
    if not count:
        return []
    sentence = (
        f"{PATIENTS_UNKNOWN}: nothing says whose {count} of {plural(total, 'study', 'studies')} are, and each counts "
        "as a patient; give the column patient_id"
    )
    return [Issue(PATIENTS, "warning", sentence, figures={"studies": count})]


def identical_pairs(facts: StoreFacts) -> dict[Pair, int]:
    """Pairs of studies of different patients that share stored images, and how many; blank images do not count.

    Of three studies or more that hold one image, each is paired with the first.
    """
    pairs: dict[Pair, int] = {}
    for rows in _owners_by_digest(facts):
        first = rows[0]
        for row in rows[1:]:
            if facts.patients[row] != facts.patients[first]:
                pairs[first, row] = pairs.get((first, row), 0) + 1
    return pairs


def _owners_by_digest(facts: StoreFacts) -> Iterable[list[int]]:
    """The rows of each image that more than one study holds."""
    images = list(facts.images.values())
    if not images:
        return
    digests = np.concatenate([image.digests[~image.blank] for image in images])
    owners = np.concatenate([image.owner[~image.blank] for image in images])
    order = np.lexsort((owners, digests))
    starts = np.flatnonzero(np.r_[True, digests[order][1:] != digests[order][:-1]])
    for group in np.split(owners[order], starts[1:]):
        rows = list(dict.fromkeys(group.tolist()))
        if len(rows) > 1:
            yield rows


def _identical_images(facts: StoreFacts) -> list[Issue]:
    pairs = identical_pairs(facts)
    across = {pair: count for pair, count in pairs.items() if crosses(facts, pair)}
    within = {pair: count for pair, count in pairs.items() if pair not in across}
    issues = []
    if across:
        sentence = f"{pairs_in_words(facts, across, 'share images')} across splits; give both one patient_id"
        issues.append(Issue("identical images", "leak", sentence, *_pair_rows(facts, across)))
    if within:
        sentence = f"{pairs_in_words(facts, within, 'share images')} within a split; give both one patient_id"
        issues.append(Issue("identical images", "warning", sentence, *_pair_rows(facts, within)))
    repeated = [
        rows for rows in _owners_by_digest(facts) if len({int(facts.patients[row]) for row in rows}) < len(rows)
    ]
    if repeated:
        repeating = sorted({row for rows in repeated for row in rows})
        sentence = (
            f"{plural(len(repeating), 'study', 'studies')} of one patient repeat images of each other; keep one of them"
        )
        issues.append(Issue("repeated images", "note", sentence, tuple(facts.study_ids[row] for row in repeating)))
    return issues


def _one_picture_twice(facts: StoreFacts) -> list[Issue]:
    """A warning where a study shows one picture as two modalities: a model that is shown both reads one of them."""
    issues = []
    for first, second in itertools.combinations(facts.images, 2):
        a, b = facts.images[first], facts.images[second]
        rows = [row for row in range(len(facts)) if not set(_pictures(a, row)).isdisjoint(_pictures(b, row))]
        if rows:
            studies = tuple(facts.study_ids[row] for row in rows)
            sentence = (
                f"{plural(len(rows), 'study', 'studies')} with one picture as {first} and as {second} "
                f"({some(studies)}): neither says what the other lacks; keep the one that it is"
            )
            issues.append(Issue("one picture twice", "warning", sentence, studies, {"modalities": [first, second]}))
    return issues


def _pictures(images: ImageFacts, row: int) -> list[str]:
    """The digests of the images of a study that are not blank."""
    place = images.of(row)
    return images.digests[place][~images.blank[place]].tolist()


def _same_key(facts: StoreFacts, keys: Sequence[str | None], what: str, remedy: str) -> list[Issue]:
    """A leak where a key is in two splits."""
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            rows.setdefault(key, []).append(row)
    crossing = {key: members for key, members in rows.items() if len({facts.splits[row] for row in members}) > 1}
    if not crossing:
        return []
    studies = tuple(facts.study_ids[row] for members in crossing.values() for row in members)
    sentence = (
        f"{plural(len(crossing), what, what if what == 'series' else '')} in two splits ({some(studies)}); {remedy}"
    )
    return [Issue(f"same {what}", "leak", sentence, studies)]


def _alike_names(facts: StoreFacts, names: Sequence[str], what: str) -> list[Issue]:
    """A warning where names in two splits differ in case, marks and leading zeros alone (`P-007`, `p7`)."""
    by_core: dict[str, dict[str, int]] = {}
    for row, name in enumerate(names):
        by_core.setdefault(_core(name), {}).setdefault(name, row)
    alike = [
        spellings
        for core, spellings in by_core.items()
        if core and len({facts.splits[row] for row in spellings.values()}) > 1
    ]
    alike = [spellings for spellings in alike if len(spellings) > 1]
    if not alike:
        return []
    rows = [row for spellings in alike for row in spellings.values()]
    sentence = (
        f"{what} ids that differ in case, marks or leading zeros alone stand in two splits "
        f"({' and '.join(list(alike[0])[:2])}); are they the same? then write them alike"
    )
    return [Issue(f"{what} ids", "warning", sentence, tuple(facts.study_ids[row] for row in rows))]


def _core(name: str) -> str:
    words = re.findall(r"[^\W\d_]+|\d+", name.casefold())
    return " ".join(str(int(word)) if word.isdecimal() else word for word in words)


def crosses(facts: StoreFacts, pair: Pair) -> bool:
    return facts.splits[pair[0]] != facts.splits[pair[1]]


def pairs_in_words(facts: StoreFacts, pairs: Iterable[Pair], what: str) -> str:
    """`2 pairs of patients WHAT (s1 and s7, …)`, by their studies."""
    listed = list(pairs)
    first = " and ".join(facts.study_ids[row] for row in listed[0])
    more = ", …" if len(listed) > 1 else ""
    return f"{plural(len(listed), 'pair')} of patients {what} ({first}{more})"


def _pair_rows(facts: StoreFacts, pairs: dict[Pair, int]) -> tuple[tuple[str, ...], dict[str, object]]:
    named = [[facts.study_ids[a], facts.study_ids[b], count] for (a, b), count in pairs.items()]
    rows = tuple(dict.fromkeys(facts.study_ids[row] for pair in pairs for row in pair))
    return rows, {"pairs": [{"studies": [a, b], "images": count} for a, b, count in named]}
