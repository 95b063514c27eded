"""The linear models beside a network, fitted on its training studies: one per modality that stands as nothing learned.

A logistic regression on the words of a text, on frozen descriptors of images, or on the row of a table, as the
baselines have them, but on what the network itself reads: so that it goes with the model wherever that goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from mmdx.batch import Packed
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.loader import build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.baselines.inputs import MOST_TRAINING, shares
from mmdx.engine.scoring.baselines.probe import chosen_strength, fit_components
from mmdx.engine.scoring.baselines.words import RAREST_WORD
from mmdx.engine.scoring.encoded import with_descriptors
from mmdx.kinds import KINDS
from mmdx.models.branches.base import Branch
from mmdx.models.model import encode
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.summaries import MeanAndMax, Standardised, Summary, WordCounts, term_keys
from mmdx.stats.metrics.calibration import log_odds

WORDS_C, TABLE_C = 10.0, 1.0
"""The strengths of the regressions on words and on tables: those of the baselines, not searched for."""
FEWEST = 10
"""Training studies with a modality with which a linear model of it is fitted."""


@dataclass(frozen=True)
class Plain:
    """What the training studies hold of one modality: packed `values` (of images and descriptors the summary of each
    study), the `lengths` of those that have it, and where among all of these studies they stand, `at`."""

    values: Tensor
    lengths: Int[Tensor, "n"]
    at: Int[np.ndarray, " n"]


def fit_linear(saved: SavedModel, store: Store, rows: Sequence[int]) -> dict[str, LinearAnswer]:
    """The linear models of the modalities of a model, fitted on the studies `rows`, on the CPU."""
    if len(rows) > MOST_TRAINING:
        rows = [rows[at] for at in np.linspace(0, len(rows) - 1, MOST_TRAINING).round().astype(int)]
    labels = store.labels[list(rows)][:, store.columns_of(saved.facts.findings)]
    patients = np.array([store.patient_ids[row] for row in rows])
    fitted = {}
    for name, plain in read_plain(saved, store, rows).items():
        if len(plain.at) >= FEWEST:
            known = labels[plain.at]
            if KINDS[saved.facts.inputs[name].kind].sliced:
                fitted[name] = of_descriptors(plain.values, known, list(patients[plain.at]))
            elif KINDS[saved.facts.inputs[name].kind].worded:
                fitted[name] = of_words(count_words(saved.tokenizers[name], plain), plain, known)
            else:
                fitted[name] = of_table(Standardised(saved.facts.inputs[name].columns), plain, known)
    return fitted


def read_plain(saved: SavedModel, store: Store, rows: Sequence[int]) -> dict[str, Plain]:
    """Each modality of `rows` that is at hand as nothing learned, of images what a frozen encoder gives."""
    saved = with_descriptors(saved, store)
    branches = {name: cast(Branch, branch) for name, branch in saved.model.branches.items()}
    wanted = [name for name, branch in branches.items() if branch.has_plain()]
    if not wanted:
        return {}
    parts: dict[str, list[Plain]] = {name: [] for name in wanted}
    place = {store.study_ids[row]: at for at, row in enumerate(rows)}
    loader, _ = build_loader(saved.recipe, store, rows, shuffle=False, shown=wanted)
    saved.model.eval()
    device = next(saved.model.parameters()).device
    for batch in loader:
        at = np.array([place[study] for study in batch.study_ids])
        batch = batch.to(device)
        for name in wanted:
            packed = batch.inputs[name]
            with torch.no_grad():
                plain = branches[name].plain(packed, encode(branches[name], packed)) if len(packed.values) else None
            if plain is not None:
                sliced = KINDS[saved.facts.inputs[name].kind].sliced
                parts[name].append(_part(plain, at, sliced=sliced))
    return {name: _joined(part) for name, part in parts.items() if part}


def _part(packed: Packed, at: Int[np.ndarray, " b"], *, sliced: bool) -> Plain:
    """The studies of a batch that have the modality."""
    there = (packed.lengths > 0).cpu()
    values, lengths = packed.values.cpu(), packed.lengths.cpu()[there]
    if sliced:  # all images of a cohort would not fit into memory
        values = MeanAndMax(values.shape[1])(values, packed.lengths.cpu())[there]
        lengths = torch.ones_like(lengths)
    return Plain(values, lengths, at[there.numpy()])


def _joined(parts: Sequence[Plain]) -> Plain:
    return Plain(
        torch.cat([part.values for part in parts]),
        torch.cat([part.lengths for part in parts]),
        np.concatenate([part.at for part in parts]),
    )


def of_words(summary: WordCounts, plain: Plain, labels: Float[np.ndarray, "n f"]) -> LinearAnswer:
    """The answer to a text by its words, from the training texts and their labels."""
    learned = csr_array(summary(plain.values, plain.lengths).numpy().astype(np.float64))
    weight, bias = regressions(learned, labels, c=WORDS_C)
    return _linear(summary, np.zeros(summary.width), weight, bias)


def of_table(summary: Standardised, plain: Plain, labels: Float[np.ndarray, "n f"]) -> LinearAnswer:
    """The answer to a row of a table."""
    learned = summary(plain.values, plain.lengths).numpy().astype(np.float64)
    weight, bias = regressions(learned, labels, c=TABLE_C)
    return _linear(summary, np.zeros(summary.width), weight, bias)


def of_descriptors(
    learned: Float[Tensor, "n k"], labels: Float[np.ndarray, "n f"], patients: Sequence[str]
) -> LinearAnswer:
    """The answer to the mean and the maximum of frozen descriptors, as the baseline `probe` has it."""
    values = learned.numpy()
    components = fit_components(values)
    inside, both = components.of(values), two_classes(labels)
    c = chosen_strength(inside, labels[:, both], patients) if both.any() else 1.0
    weight, bias = regressions(inside, labels, c=c, solver="newton-cholesky")
    through = components.axes.T / components.scale @ weight
    bias = bias - components.middle @ through
    return _linear(MeanAndMax(values.shape[1] // 2), components.mean, through / components.spread[:, None], bias)


def _linear(summary: Summary, centre: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> LinearAnswer:
    return LinearAnswer(summary, *(torch.from_numpy(values) for values in (centre, weight, bias)))


def count_words(tokenizer: ReportTokenizer, plain: Plain) -> WordCounts:
    """The words, and pairs of words, that several training texts have, and how rare each is in them."""
    words = tokenizer.words(range(tokenizer.vocabulary))
    worded = torch.tensor([is_word(word) for word in words])
    studies, keys = (values.numpy() for values in term_keys(plain.values, plain.lengths, worded))
    terms, having = np.unique(np.unique(np.stack([keys, studies], axis=1), axis=0)[:, 0], return_counts=True)
    kept = having >= min(RAREST_WORD, len(plain.at))
    idf = np.log((1 + len(plain.at)) / (1 + having[kept])) + 1
    return WordCounts(torch.from_numpy(terms[kept]), torch.from_numpy(idf), worded)


def is_word(token: str) -> bool:
    """Whether a token is a word or a part of one: special ones and punctuation are not."""
    return not (token.startswith("[") and token.endswith("]")) and any(sign.isalnum() for sign in token)


def two_classes(labels: Float[np.ndarray, "n f"]) -> Bool[np.ndarray, " f"]:
    """Which findings have both classes among the known labels."""
    return np.array([len(np.unique(label[~np.isnan(label)])) == 2 for label in labels.T])


def regressions(
    learned: Any, labels: Float[np.ndarray, "n f"], *, c: float, solver: str = "lbfgs"
) -> tuple[Float[np.ndarray, "k f"], Float[np.ndarray, " f"]]:
    """Weights and intercepts of a logistic regression of each finding on `learned [n k]`; for a finding of one class
    the log-odds of its share alone."""
    weight = np.zeros((learned.shape[1], labels.shape[1]))
    bias = log_odds(shares(labels))
    for column in np.flatnonzero(two_classes(labels)):
        rows = np.flatnonzero(~np.isnan(labels[:, column]))
        model = LogisticRegression(max_iter=1000, C=c, solver=solver).fit(learned[rows], labels[rows, column])
        weight[:, column], bias[column] = model.coef_[0], model.intercept_[0]
    return weight, bias
