"""What is known of reports: how many there are, how long, in what kind of script, and whether they state the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdx.data.audit.lexicon import Lexicon, read_lexicon, stated
from mmdx.data.audit.negation import split_term, words
from mmdx.data.audit.statements import AGREEING, TOLD
from mmdx.data.text.words import words as tokens
from mmdx.study import Study

MOST_READ = 2000
"""Reports that are looked at, evenly spread over a larger cohort."""
VOCABULARY = 8192
"""The most words that a tokenizer of mmdx keeps."""
FOREIGN = 0.2
"""The share of words with letters outside ASCII from which a text is taken to be in another language than English."""
SPACELESS = 12.0
"""Characters of such a word on average from which a text is taken to be written without spaces."""


@dataclass(frozen=True)
class Reports:
    """The texts of one modality: their number, `middle` and `longest` words of the median and the 95th percentile,
    `vocabulary` words that stand at least twice, the share `foreign` of words with letters outside ASCII, whether they
    are `spaced`, and the findings that they state in so many words, with the `terms` that do so."""

    count: int
    middle: int
    longest: int
    vocabulary: int
    foreign: float
    spaced: bool
    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()


def described_reports(name: str, studies: Sequence[Study]) -> Reports:
    """What the reports called `name` are like."""
    written = [(text, study) for study in studies if isinstance(text := study.modalities.get(name), str)]
    places = np.unique(np.linspace(0, len(written) - 1, min(MOST_READ, len(written))).round().astype(int))
    texts = [written[place][0] for place in places]
    split = [text.split() for text in texts]
    everything = [word for parts in split for word in parts]
    foreign = [word for word in everything if not word.isascii()]
    share = len(foreign) / max(1, len(everything))
    spaceless = share >= FOREIGN and float(np.mean([len(word) for word in foreign])) >= SPACELESS
    if spaceless:
        split = [tokens(text) for text in texts]
    lengths = [len(parts) for parts in split]
    counts = Counter(word.lower() for parts in split for word in parts)
    return Reports(
        count=len(written),
        middle=int(np.median(lengths)),
        longest=int(np.ceil(np.percentile(lengths, 95))),
        vocabulary=min(VOCABULARY, sum(count > 1 for count in counts.values()) + 2),
        foreign=share,
        spaced=not spaceless,
        terms=stating_terms(texts, [written[place][1] for place in places], read_lexicon()),
    )


def stating_terms(
    texts: Sequence[str], studies: Sequence[Study], lexicon: Lexicon
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The findings that reports state, as `mmdx audit` judges it, each with the terms that stand in them; reports of
    the test split that came with the data are not looked at."""
    pairs = [(text, study) for text, study in zip(texts, studies, strict=True) if study.split != "test"]
    texts, studies = [text for text, _ in pairs], [study for _, study in pairs]
    spoken = [words(text) for text in texts]
    there = {word.text for report in spoken for word in report}
    found = []
    for finding in dict.fromkeys(finding for study in studies for finding in study.labels):
        terms = lexicon.terms(finding)
        labels = [study.labels.get(finding, float("nan")) for study in studies]
        statements = [(stated(report, terms), label) for report, label in zip(spoken, labels, strict=True)]
        labelled = [(value, label) for value, label in statements if label == label]
        named = [value == label for value, label in labelled if value is not None]
        positive = [value == 1 for value, label in labelled if label == 1]
        if positive and sum(positive) >= TOLD * len(positive) and sum(named) >= AGREEING * len(named):
            standing = tuple(term for term in terms.all if there.issuperset(split_term(term)))
            found.append((finding, standing))
    return tuple(found)
