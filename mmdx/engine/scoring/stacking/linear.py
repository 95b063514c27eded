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
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from mmdx.batch import Packed
from mmdx.data.store.store import Store
from mmdx.data.text.terms import fit_terms, term_vectors
from mmdx.engine.assembly.loader import build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.assembly.texts import reports_of
from mmdx.engine.scoring.baselines.inputs import MOST_TRAINING, shares
from mmdx.engine.scoring.baselines.probe import chosen_strength, fit_components
from mmdx.engine.scoring.encoded import with_descriptors
from mmdx.kinds import KINDS
from mmdx.models.branches.base import Branch
from mmdx.models.facts import InputFacts
from mmdx.models.model import encode
from mmdx.models.stack.linear import LinearAnswer
from mmdx.models.stack.summaries import MeanAndMax, Standardised, Summary, Words
from mmdx.stats.metrics.calibration import log_odds

WORDS_C, TABLE_C = 10.0, 1.0
"""The strengths of the regressions on words and on tables: those of the baselines, not searched for."""
FEWEST = 10
"""Training studies with a modality with which a linear model of it is fitted."""


@dataclass(frozen=True)
class Plain:
    """The summary of one modality `[n k]` of the training studies that have it, and where among all of them they stand,
    `at`."""

    learned: Float[Tensor, "n k"]
    at: Int[np.ndarray, " n"]


def fit_linear(saved: SavedModel, store: Store, rows: Sequence[int]) -> dict[str, LinearAnswer]:
    """The linear models of the modalities of a model, fitted on the studies `rows`, on the CPU."""
    if len(rows) > MOST_TRAINING:
        rows = [rows[at] for at in np.linspace(0, len(rows) - 1, MOST_TRAINING).round().astype(int)]
    labels = store.labels[list(rows)][:, store.columns_of(saved.facts.findings)]
    patients = np.array([store.patient_ids[row] for row in rows])
    fitted: dict[str, LinearAnswer | None] = {}
    fitted |= {
        name: of_words(saved, store, rows, name, labels) for name in saved.model.branches if _worded(saved, name)
    }
    for name, plain in read_plain(saved, store, rows).items():
        if len(plain.at) < FEWEST:
            continue
        known = labels[plain.at]
        if KINDS[saved.facts.inputs[name].kind].made:
            fitted[name] = of_table(Standardised(saved.facts.inputs[name].columns), plain.learned, known)
        else:
            fitted[name] = of_descriptors(plain.learned, known, list(patients[plain.at]))
    return {name: answer for name in saved.model.branches if (answer := fitted.get(name)) is not None}


def _worded(saved: SavedModel, name: str) -> bool:
    return KINDS[saved.facts.inputs[name].kind].worded


def of_words(
    saved: SavedModel, store: Store, rows: Sequence[int], name: str, labels: Float[np.ndarray, "n f"]
) -> LinearAnswer | None:
    """The answer to a text by its words and pairs of words, of the training studies that have it; None with too few of
    them, or where no word stands in several."""
    tokenizer = saved.tokenizers[name]
    reports = list(reports_of(saved.config, store, rows, name))
    having = [at for at, report in enumerate(reports) if report.strip()]
    patients = [store.patient_ids[rows[at]] for at in having]
    terms = fit_terms(tokenizer, [reports[at] for at in having], patients)
    if len(having) < FEWEST or not any(terms.words):
        return None
    learned = term_vectors(terms, [tokenizer(reports[at]) for at in having])
    weight, bias = regressions(learned, labels[having], c=WORDS_C)
    return _linear(Words(terms), np.zeros(len(weight)), weight, bias)


def of_table(summary: Standardised, learned: Float[Tensor, "n k"], labels: Float[np.ndarray, "n f"]) -> LinearAnswer:
    """The answer to a row of a table."""
    weight, bias = regressions(learned.numpy().astype(np.float64), labels, c=TABLE_C)
    return _linear(summary, np.zeros(summary.width), weight, bias)


def read_plain(saved: SavedModel, store: Store, rows: Sequence[int]) -> dict[str, Plain]:
    """Each modality of `rows`, texts aside, that is at hand as nothing learned: tables, descriptors, and of images what
    a frozen encoder gives."""
    saved = with_descriptors(saved, store)
    branches = {name: cast(Branch, branch) for name, branch in saved.model.branches.items()}
    wanted = [name for name, branch in branches.items() if branch.has_plain() and not _worded(saved, name)]
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
                parts[name].append(_part(saved.facts.inputs[name], plain, at))
    return {
        name: Plain(torch.cat([p.learned for p in part]), np.concatenate([p.at for p in part]))
        for name, part in parts.items()
        if part
    }


def _part(facts: InputFacts, packed: Packed, at: Int[np.ndarray, " b"]) -> Plain:
    """The studies of a batch that have the modality; all images of a cohort would not fit into memory."""
    summary: Summary = Standardised(facts.columns) if KINDS[facts.kind].made else MeanAndMax(packed.values.shape[1])
    there = (packed.lengths > 0).cpu()
    return Plain(summary(packed.values, packed.lengths).cpu()[there], at[there.numpy()])


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
