"""Copies that are not identical: re-encoded, resized, brightened or slightly cropped, under another patient's name.

There are two steps. First, perceptual hashes propose pairs: for up to 6 images of each study, spread evenly, they find
the nearest images of other patients. This is done in blocks of matrix products, so that memory is bounded by `CELLS`
beside the hashes themselves. Second, registration decides. The likeness of two studies: match each inspected image of
one study with its nearest image of the other, and take the median of their correlations. The likeness of a copy is at
least `LEAST_LIKENESS`. It also exceeds the usual likeness of different patients in this cohort by `MARGIN` on Fisher's
scale (artanh), because all heads look much alike.

Measured at a stored size of 224 on copies planted under new names, JPEG at quality 50, resized to 60 %, cropped by 3 %
at two or at four edges, brightened (gain 1.2, 15 grey levels), and all of these: `docs/audit.md` has the rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from mmdx.data.audit import registration
from mmdx.data.audit.identities import Pair, crosses, identical_pairs, pairs_in_words
from mmdx.data.audit.issues import Issue, Severity
from mmdx.data.audit.pixels import SIDE, ImageFacts, thumbnails, unit_rows
from mmdx.data.audit.store_facts import StoreFacts
from mmdx.data.counting import Count, uncounted
from mmdx.data.store.store import Store

LEAST_LIKENESS = 0.8
MARGIN = 0.75
SLACK = 0.25
"""A pair is inspected further only if the correlation of its nearest two images is at most this far below the
likeness of a copy, on the same scale."""
LOOKED_AT = 6
NEIGHBOURS = 5
"""Images proposed for each inspected image."""
PROPOSED = 3
"""Studies proposed for each study."""
NEAR = 0.6
"""The scalar product of two hashes from which an image is proposed."""
SAMPLE = 100
"""Proposed pairs from which the usual likeness in a cohort is taken."""
BLOCK = 512
CELLS = 2**24
"""Scalar products held at a time."""


@dataclass(frozen=True)
class Lookalike:
    """Two studies of different patients, the lower row first, that show the same pictures in `modality`."""

    pair: Pair
    modality: str
    likeness: float


def check_lookalikes(store: Store, facts: StoreFacts, count: Count = uncounted) -> list[Issue]:
    """A leak for copies across splits, a warning for those within one."""
    if store.layout.size < SIDE:
        sentence = (
            f"images of {store.layout.size} pixels are too small to look for near-duplicates; prepare larger ones"
        )
        return [Issue("near-duplicates", "note", sentence)] if facts.images else []
    identical = set(identical_pairs(facts))
    copies: dict[Pair, Lookalike] = {}
    for modality in facts.images:
        for alike in lookalikes(store, facts, modality, identical=identical, count=count):
            copies.setdefault(alike.pair, alike)
    across = [alike for pair, alike in copies.items() if crosses(facts, pair)]
    within = [alike for pair, alike in copies.items() if not crosses(facts, pair)]
    issues = []
    if across:
        sentence = (
            f"{pairs_in_words(facts, [a.pair for a in across], 'look like copies')} across splits; compare them, then "
            "give both one patient_id or drop one"
        )
        issues.append(_issue("near-duplicates", "leak", sentence, across, facts))
    if within:
        sentence = f"{pairs_in_words(facts, [a.pair for a in within], 'look like copies')} within a split; compare them"
        issues.append(_issue("near-duplicates", "warning", sentence, within, facts))
    return issues


def lookalikes(
    store: Store, facts: StoreFacts, modality: str, *, identical: set[Pair], count: Count = uncounted
) -> list[Lookalike]:
    """Copies among the studies of different patients, without the `identical` pairs (the lower row first)."""
    images = facts.images[modality]
    pictures = np.flatnonzero(~images.blank)
    if len(pictures) < 2:
        return []
    hashes = images.hashes[pictures].astype(np.float32)
    # What all images have in common says nothing; of a handful, the mean would be the images themselves.
    hashes = unit_rows(hashes - hashes.mean(axis=0)) if len(pictures) >= SAMPLE else hashes
    looked = _looked_at(images.owner[pictures])
    matcher = _Matcher(store, modality, images, pictures, hashes, looked, count)
    pairs = [pair for pair in _proposed(matcher, facts.patients) if (min(pair), max(pair)) not in identical]
    threshold = _threshold(matcher, pairs)
    first = matcher.correlations([matcher.opposite(pair)[:1] for pair in pairs])
    promising = np.tanh(np.arctanh(threshold) - SLACK)
    pairs = [pair for pair, best in zip(pairs, first, strict=True) if best[0] >= promising]
    likenesses: dict[Pair, float] = {}
    for pair, likeness in zip(pairs, matcher.likeness(pairs), strict=True):
        key = (min(pair), max(pair))
        if likeness >= threshold:
            likenesses[key] = max(likeness, likenesses.get(key, 0.0))
    return [Lookalike(pair, modality, round(likeness, 3)) for pair, likeness in sorted(likenesses.items())]


def _threshold(matcher: _Matcher, pairs: Sequence[Pair]) -> float:
    """The least likeness of a copy: `MARGIN` above the median of proposed pairs, few of which can be copies."""
    if len(pairs) < SAMPLE:
        return LEAST_LIKENESS
    sample = [pairs[i] for i in np.linspace(0, len(pairs) - 1, SAMPLE).round().astype(int)]
    usual = float(np.clip(np.median(matcher.likeness(sample)), 0, 0.999))
    return max(LEAST_LIKENESS, float(np.tanh(np.arctanh(usual) + MARGIN)))


@dataclass(frozen=True)
class _Matcher:
    """The images of one modality that are not blank.

    `seen` holds their numbers among all images of `facts`. `looked` holds, for each study, the inspected ones, as
    places in `seen`.
    """

    store: Store
    modality: str
    facts: ImageFacts
    seen: Int[np.ndarray, "m"]
    hashes: Float32[np.ndarray, "m d"]
    looked: dict[int, Int[np.ndarray, "k"]]
    count: Count = uncounted

    def opposite(self, pair: Pair) -> list[tuple[int, int]]:
        """Each inspected image of the first study with its nearest image of the second; the nearest pair first."""
        queries, owners = self.looked[pair[0]], self.facts.owner[self.seen]
        start, stop = np.searchsorted(owners, pair[1]), np.searchsorted(owners, pair[1], side="right")
        products = self.hashes[queries] @ self.hashes[start:stop].T
        nearest = products.argmax(axis=1) + start
        return [(int(queries[i]), int(nearest[i])) for i in np.argsort(-products.max(axis=1), kind="stable")]

    def likeness(self, pairs: Sequence[Pair]) -> list[float]:
        """The median correlation of the inspected images of each pair."""
        correlations = self.correlations([self.opposite(pair) for pair in pairs])
        return [float(np.sort(values)[len(values) // 2]) for values in correlations]

    def correlations(self, groups: Sequence[Sequence[tuple[int, int]]]) -> list[Float[np.ndarray, "k"]]:
        """The best correlation of every pair of images, group by group."""
        pairs = [pair for group in groups for pair in group]
        values = [np.zeros(0)]
        for start in range(0, len(pairs), BLOCK):
            self.count(f"comparing {self.modality}", start, len(pairs), "pairs of images")
            block = pairs[start : start + BLOCK]
            firsts, seconds = [pair[0] for pair in block], [pair[1] for pair in block]
            values.append(registration.best_correlations(self._pictures(firsts), self._pictures(seconds)))
        ends = np.cumsum([len(group) for group in groups])
        return np.split(np.concatenate(values), ends[:-1]) if groups else []

    def _pictures(self, images: Sequence[int]) -> Float32[np.ndarray, "n s s"]:
        unit, side = self.store.modalities[self.modality].unit, registration.SIDE
        small = np.empty((len(images), side, side), dtype=np.float32)
        for index, number in enumerate(self.seen[image] for image in images):
            pixels = self.store.read(int(self.facts.owner[number])).pixels(self.modality)
            small[index] = thumbnails(pixels[self.facts.place[number]][None], unit, side)[0]
        return small


def _looked_at(owners: Int[np.ndarray, "m"]) -> dict[int, Int[np.ndarray, "k"]]:
    """Up to `LOOKED_AT` evenly spaced images of each study."""
    rows, starts, counts = np.unique(owners, return_index=True, return_counts=True)
    return {
        int(row): start + np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(int))
        for row, start, count in zip(rows, starts, counts, strict=True)
    }


def _proposed(matcher: _Matcher, patients: Int[np.ndarray, "n"]) -> list[Pair]:
    """Up to `PROPOSED` studies of other patients for each: those with the most images near to its own."""
    owners = matcher.facts.owner[matcher.seen]
    people = patients[owners]
    queries = np.concatenate(list(matcher.looked.values()))
    nearest_count = min(NEIGHBOURS, len(owners))
    votes: dict[int, dict[int, float]] = {}
    at_once = max(1, CELLS // len(owners))
    for start in range(0, len(queries), at_once):
        matcher.count(f"looking for copies among {matcher.modality}", start, len(queries), "images")
        block = queries[start : start + at_once]
        products = matcher.hashes[block] @ matcher.hashes.T
        products[people[block][:, None] == people[None]] = -1
        nearest = np.argpartition(products, -nearest_count, axis=1)[:, -nearest_count:]
        near = np.take_along_axis(products, nearest, axis=1)
        at, which = np.nonzero(near >= NEAR)
        for query, image, product in zip(block[at], nearest[at, which], near[at, which], strict=True):
            votes_of_row = votes.setdefault(int(owners[query]), {})
            other = int(owners[image])
            votes_of_row[other] = votes_of_row.get(other, 0.0) + float(product)
    return [
        (row, other)
        for row, votes_of_row in sorted(votes.items())
        for other in sorted(votes_of_row, key=lambda other: (-votes_of_row[other], other))[:PROPOSED]
    ]


def _issue(kind: str, severity: Severity, sentence: str, alikes: Sequence[Lookalike], facts: StoreFacts) -> Issue:
    rows = tuple(dict.fromkeys(facts.study_ids[row] for alike in alikes for row in alike.pair))
    pairs = [
        {
            "studies": [facts.study_ids[row] for row in alike.pair],
            "modality": alike.modality,
            "likeness": alike.likeness,
        }
        for alike in alikes
    ]
    return Issue(kind, severity, sentence, rows, {"pairs": pairs})
