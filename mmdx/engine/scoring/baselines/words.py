"""Baselines on the words of a text: `TF-IDF NAME`, as the run reads the text."""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer

from mmdx.data.loading.reports import Reports
from mmdx.data.text.words import counted
from mmdx.engine.scoring.baselines.inputs import BaselineInputs, Rows, Scores, fitted
from mmdx.kinds import KINDS

RAREST_WORD = 2
"""Training reports in which a word must stand, as for the vocabulary of a text encoder."""


def texts(inputs: BaselineInputs) -> list[str]:
    """The texts that the run reads."""
    worded = [name for name, facts in inputs.store.modalities.items() if KINDS[facts.kind].worded]
    return [name for name in inputs.config.model.inputs if name in worded]


def by_words(name: str, inputs: BaselineInputs, rows: Rows) -> Scores | str:
    """The scores of `rows` by the words of a text; a sentence where none stands in several training texts."""
    reports = Reports(inputs.store, inputs.config.data.reports)
    training = list(reports.over(inputs.train, name))
    vectors = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        min_df=min(RAREST_WORD, len(training)),
        tokenizer=counted,
        token_pattern=None,
        lowercase=False,  # `counted` does it
    )
    try:
        learned = vectors.fit_transform(training)
    except ValueError:  # scikit-learn's word for an empty vocabulary
        return f"no word stands in {RAREST_WORD} training texts"
    return fitted(learned, vectors.transform(list(reports.over(rows, name))), inputs, c=10.0)
