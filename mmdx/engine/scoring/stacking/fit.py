"""How much each member of a stack counts, by answers to studies that none has learned from; these answers joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import Presence
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.assembly.stacks import write_stack
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.calibrate import lone_head, probabilities_of
from mmdx.engine.scoring.score import default_showings
from mmdx.engine.scoring.stacking.answers import Answers, Shown, answers_to, members_of, showings_of
from mmdx.engine.scoring.stacking.linear import fit_linear
from mmdx.files import scores_name, written
from mmdx.models.branches.base import Branch
from mmdx.models.stack.stack import Stack, Weighting
from mmdx.stats.metrics.stacking import fit_shift, fit_weights, log_odds
from mmdx.study import Split


def stackable(saved: SavedModel) -> bool:
    """Whether a stack may have the last word: the config asks for it, one study head answers, and somebody answers
    beside the network's one answer."""
    branches = [branch for branch in saved.model.branches.values() if isinstance(branch, Branch)]
    several = len(branches) > 1 or any(branch.has_plain() for branch in branches)
    return saved.config.train.stack and several and lone_head(saved, "study") is not None


def bare_stack(saved: SavedModel, store: Store, train: Sequence[int]) -> Stack:
    """A stack beside the study head of `saved`, of which nothing counts yet: the network, and linear models that are
    fitted on the studies `train`."""
    head = lone_head(saved, "study")
    if head is None:
        raise ValueError("a model without one study head has no stack")
    return Stack(head[0], list(saved.config.model.inputs), fit_linear(saved, store, train), ())


def held_out_answers(setting: Setting, saved: SavedModel, splits: Splits, everyone: Sequence[int]) -> Answers:
    """What the network of `saved` and linear models that are fitted on the training studies of `splits`, as it was, say
    of its validation studies, under all that may be shown of `everyone`."""
    store, train, rows = setting.store, splits.rows("train"), splits.rows("val")
    showings = showings_of(Presence(saved.config, store), list(saved.config.model.inputs), everyone)
    return answers_to(saved, bare_stack(saved, store, train), store, rows, showings, setting.count)


def stack_up(setting: Setting, saved: SavedModel, train: Sequence[int], answers: Answers) -> Stack:
    """The stack of a model that has learned from `train`, its members weighed by `answers`; it is written into the
    folder of the model that stays."""
    bare = bare_stack(saved, setting.store, train)
    stack = weighed(saved, bare, answers, met(saved, setting.store, train, answers))
    write_stack(setting.run.best, stack, saved.facts)
    setting.say(*sentences(stack))
    return stack


@dataclass(frozen=True)
class Met:
    """Labels, patients and modalities of all studies that a model has learned from or is weighed by."""

    labels: Float[np.ndarray, "n f"]
    patient_ids: tuple[str, ...]
    present: Bool[np.ndarray, "n m"]


def met(saved: SavedModel, store: Store, train: Sequence[int], answers: Answers) -> Met:
    """The studies `train`, and those of `answers`."""
    place = {study: row for row, study in enumerate(store.study_ids)}
    rows = sorted({*train, *(place[study] for study in answers.study_ids)})
    presence, names = Presence(saved.config, store), list(saved.config.model.inputs)
    return Met(
        store.labels[rows][:, store.columns_of(saved.facts.findings)],
        tuple(store.patient_ids[row] for row in rows),
        np.array([[presence(row, name) for name in names] for row in rows], dtype=bool),
    )


def weighed(saved: SavedModel, bare: Stack, answers: Answers, everyone: Met) -> Stack:
    """The stack `bare`, each member of which counts as `answers` say.

    Weights are fitted on all studies that have what is shown, the rest of them withheld. Whether a modality is absent
    may tell something: for the studies that lack what else was asked for the shift is moved, to how often a finding
    occurs in such studies of `everyone`, and by the answers to them.
    """
    head = lone_head(saved, "study")
    groups = head[1] if head is not None else ()
    weightings = []
    for shown, logits in answers.logits.items():
        members = [name for name in members_of(shown, bare.linear.keys()) if name in logits]
        having, lacking = _rows(bare, answers.present, shown)
        several = np.stack([logits[name] for name in members])
        counts = _counts(answers.patient_ids, having)
        weight, shift = fit_weights(several[:, having], answers.labels[having], counts, groups)
        if lacking.any() and not lacking[having].all():
            joined = np.einsum("knf,kf->nf", several[:, lacking], weight) + shift
            whole = np.ones(len(everyone.labels), dtype=bool)
            odds = log_odds(
                everyone.labels, _counts(everyone.patient_ids, whole), _rows(bare, everyone.present, shown)[1]
            )
            counts = _counts(answers.patient_ids, lacking)
            shift = shift + fit_shift(joined, answers.labels[lacking], counts, odds, groups)
        tensors = (torch.from_numpy(values).float() for values in (weight, shift))
        weightings.append(Weighting(shown, tuple(members), *tensors))
    return Stack(bare.head, bare.modalities, dict(bare.linear.items()), weightings)  # pyright: ignore[reportArgumentType]


def _rows(
    stack: Stack, present: Bool[np.ndarray, "n m"], shown: Shown
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Which studies have what is shown, and which of them show no more because they lack the rest of what a scoring
    asks for."""
    names = stack.modalities
    here = np.array([name in shown for name in names])
    having, lacking = np.all(present | ~here, axis=1), np.zeros(len(present), dtype=bool)
    for asked in default_showings(names):
        rest = np.array([name in asked for name in names]) & ~here
        if set(shown) < set(asked):
            lacking |= having & ~np.any(present & rest, axis=1)
    return having, lacking


def _counts(patient_ids: Sequence[str], rows: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
    """What each of `rows` counts, so that each patient counts once."""
    patients = pd.Series(np.array(patient_ids)[rows])
    return 1 / patients.groupby(patients).transform("count").to_numpy(float)


def rescore(saved: SavedModel, stack: Stack, answers: Answers, predictions: Path, split: Split) -> None:
    """Writes the scores of studies of a split anew, as the stack makes them of `answers`."""
    path, head = predictions / scores_name(split), lone_head(saved, "study")
    if head is None or not path.is_file():
        return
    joined = {part.shown: _joined(part, answers) for part in stack.weightings}
    place = {study: at for at, study in enumerate(answers.study_ids)}
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    findings = len(saved.facts.findings)
    for shown, rows in table.groupby("shown", sort=False):
        # All findings of a study stand one after another, in the order of the model.
        studies = [place[study] for study in rows["study_id"].iloc[::findings]]
        seen = [_seen(stack, answers.present[at], str(shown).split("+")) for at in studies]
        told = np.array([names in joined for names in seen])
        logits = [joined[names][at] for at, names in zip(studies, seen, strict=True) if names in joined]
        if logits:
            at = rows.index.to_numpy().reshape(-1, findings)[told]
            scores = probabilities_of(np.stack(logits), head[1])
            table.loc[at.ravel(), "score"] = [f"{score:.7g}" for score in scores.ravel()]
    with written(path) as partial:
        table.to_csv(partial, index=False)


def _joined(part: Weighting, answers: Answers) -> Float[np.ndarray, "n f"]:
    several = np.stack([answers.logits[part.shown][name] for name in part.members])
    return np.einsum("knf,kf->nf", several, part.weight.numpy()) + part.shift.numpy()


def _seen(stack: Stack, present: Bool[np.ndarray, " m"], shown: Sequence[str]) -> Shown:
    """What a study shows of the modalities that are asked for."""
    return tuple(name for name, has in zip(stack.modalities, present, strict=True) if has and name in shown)


def sentences(stack: Stack) -> list[str]:
    """How much each member counts, on average over findings, one line per showing."""
    lines = []
    for part in stack.weightings:
        counts = zip(part.members, part.weight.mean(dim=1).tolist(), strict=True)
        parts = ", ".join(f"{name} {count:.2f}" for name, count in counts)
        lines.append(f"stack where {'+'.join(part.shown) or 'nothing'} is shown: {parts}")
    return lines
