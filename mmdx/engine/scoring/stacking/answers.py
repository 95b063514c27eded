"""What the members of a stack say of studies that none of them has learned from, whatever of these is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from mmdx.data.counting import Count, counting, uncounted
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import build_loader
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.encoded import with_descriptors
from mmdx.engine.scoring.score import default_showings
from mmdx.models.model import encode
from mmdx.models.stack.stack import LINEAR, NETWORK, Stack, member

Shown = tuple[str, ...]
"""Modalities of a study, in the order of the model."""


@dataclass(frozen=True)
class Answers:
    """The logits `[n f]` of each member to n studies, by what is shown of them and by member.

    `present [n m]` is what they have, in the order of the model's modalities; the logits to more than a study has mean
    nothing. `labels [n f]` are NaN where unknown.
    """

    study_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    labels: Float[np.ndarray, "n f"]
    present: Bool[np.ndarray, "n m"]
    logits: Mapping[Shown, Mapping[str, Float[np.ndarray, "n f"]]]


def showings_of(presence: Callable[[int, str], bool], names: Sequence[str], rows: Sequence[int]) -> list[Shown]:
    """What the studies `rows` show of the modalities `names` where each showing of a scoring is asked for, which may be
    nothing."""
    has = {tuple(name for name in names if presence(row, name)) for row in rows}
    seen = [tuple(name for name in asked if name in of) for of in sorted(has) for asked in default_showings(names)]
    return list(dict.fromkeys(seen))


def members_of(shown: Shown, linear: Iterable[str]) -> list[str]:
    """Who answers to studies that show so much, the network first; `linear` are the modalities with a linear model."""
    apart = [member(NETWORK, name) for name in shown] if len(shown) > 1 else []
    return [NETWORK, *apart, *(member(LINEAR, name) for name in linear if name in shown)]


def answers_to(
    saved: SavedModel,
    stack: Stack,
    store: Store,
    rows: Sequence[int],
    showings: Sequence[Shown],
    count: Count = uncounted,
) -> Answers:
    """What the network of `saved` and the linear models of `stack` say of `rows`, which are encoded once."""
    saved, names = with_descriptors(saved, store), stack.modalities
    model, device = saved.model.eval(), next(saved.model.parameters()).device
    stack.to(device)
    loader, _ = build_loader(saved.recipe, store, rows, shuffle=False)
    studies: list[str] = []
    present: list[np.ndarray] = []
    logits: dict[Shown, dict[str, list[np.ndarray]]] = {shown: {} for shown in showings}
    for batch in counting(loader, lambda batch: len(batch.study_ids), "stacking", len(rows), count):
        studies += batch.study_ids
        batch = batch.to(device)
        has = torch.stack([batch.present(name) for name in names], dim=1)
        present.append(has.cpu().numpy())
        with torch.no_grad():
            encoded = {name: encode(branch, batch.inputs[name]) for name, branch in model.branches.items()}
            for shown in showings:
                only = has & torch.tensor([name in shown for name in names], device=device)
                network = model.study_logits(stack.head, encoded, only, batch)
                for name, values in model.members(stack, encoded, only, batch, network).items():
                    logits[shown].setdefault(name, []).append(values.cpu().numpy())
    place = {study: at for at, study in enumerate(store.study_ids)}
    order = [place[study] for study in studies]
    return Answers(
        tuple(studies),
        tuple(store.patient_ids[row] for row in order),
        store.labels[order][:, store.columns_of(saved.facts.findings)],
        np.concatenate(present),
        {shown: {name: np.concatenate(parts) for name, parts in of.items()} for shown, of in logits.items()},
    )


def pooled(parts: Sequence[Answers]) -> Answers:
    """The answers to several sets of studies as one, of those members that answer to all of them."""
    return Answers(
        tuple(study for part in parts for study in part.study_ids),
        tuple(patient for part in parts for patient in part.patient_ids),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.present for part in parts]),
        {
            shown: {
                name: np.concatenate([part.logits[shown][name] for part in parts])
                for name in members
                if all(name in part.logits[shown] for part in parts)
            }
            for shown, members in parts[0].logits.items()
        },
    )
