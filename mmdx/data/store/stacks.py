"""Stacks: image modalities that show the same slices, read as the channels of one, such as brain and bone windows.

Slice labels, boxes and places of a stack are those of its first modality. A study that lacks one of them lacks the
stack; one whose modalities cannot be of the same slices is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmdx.data.store.layout import RESERVED
from mmdx.data.store.store import Store
from mmdx.errors import DataError, UsageError, did_you_mean, some
from mmdx.kinds import KINDS

Stacks = Mapping[str, tuple[str, ...]]
"""By the name of a stack, the modalities that it is made of, in the order of its channels."""
SPACING = 0.01
"""By what share the distances of neighbouring slices may differ in modalities of the same slices."""


def with_stacks(store: Store, stacks: Stacks) -> tuple[Store, list[str]]:
    """`store` with stacks, and lines that a person should know: studies that lack one, or take it on trust.

    A store of descriptors may hold what a model said of a stack under its name: then it is read as it lies. Raises
    `UsageError` for a stack that cannot be made of these modalities, and `DataError` for studies whose modalities are
    not of the same slices.
    """
    made = {name: parts for name, parts in stacks.items() if not (store.extracted and name in store.stored)}
    if not made:
        return store, []
    if problems := [line for name, parts in made.items() for line in _problems(store, name, parts)]:
        raise UsageError(problems)
    stacked = Store(store.folder, made)
    if problems := [line for name in made if (line := _clash(stacked, name)) is not None]:
        raise DataError(problems)
    return stacked, [line for name in made for line in _remarks(stacked, name)]


def mixed(name: str, units: Mapping[str, str]) -> str | None:
    """The line about a stack of images in Hounsfield units and plain ones; None where all are of one unit."""
    if len(set(units.values())) == 1:
        return None
    listing = ", ".join(f"{part} {unit}" for part, unit in units.items())
    return f"data.stacks.{name}: mixes units ({listing}); stack images of one unit, and read the others as an input"


def difference(counts: Mapping[str, int], orders: Mapping[str, Mapping[str, Any]]) -> str | None:
    """In what modalities cannot show the same slices, by their counts of images and order certificates, in words; None
    where nothing says so."""
    if len(set(counts.values())) > 1:
        return ", ".join(f"{count} images of {part}" for part, count in counts.items())
    for first, second in zip(orders, list(orders)[1:], strict=False):
        one, other = orders[first], orders[second]
        spacings = one["spacing_mm"], other["spacing_mm"]
        if None not in spacings and not np.isclose(*spacings, rtol=SPACING):
            return f"slices of {first} {spacings[0]:g} mm apart, of {second} {spacings[1]:g} mm"
        # What is missing shows only in evidence of a kind: positions see other gaps than the numbers of files.
        if one["source"] == other["source"] and list(one["gaps"]) != list(other["gaps"]):
            return f"other slices are missing from {first} than from {second}"
    return None


def _problems(store: Store, name: str, parts: Sequence[str]) -> list[str]:
    """Why a stack cannot be made of the modalities of a store, one line each."""
    where, stored = f"data.stacks.{name}", store.stored
    if name in RESERVED or "." in name or "+" in name:
        return [f"{where}: the name is taken or holds '.' or '+'; choose another"]
    if name in stored:
        return [f"{where}: {store.folder} holds a modality of this name; choose another for the stack"]
    pictures = [part for part, facts in stored.items() if KINDS[facts.kind].pictured]
    if strange := [part for part in parts if part not in pictures]:
        return [f"{where}: no images '{part}' in {store.folder}; {did_you_mean(part, pictures)}" for part in strange]
    problem = mixed(name, {part: stored[part].unit for part in parts})
    return [problem] if problem else []


def _clash(store: Store, name: str) -> str | None:
    """The line about studies whose modalities are not of the same slices."""
    lengths = {part: store.lengths(part) for part in store.layout.parts(name)}
    clashes: dict[str, str] = {}
    for row in np.flatnonzero(store.lengths(name)).tolist():
        study = store.read(row)
        orders = {part: study.certificate(part) for part in lengths}
        what = difference({part: int(counts[row]) for part, counts in lengths.items()}, orders)
        if what is not None:
            clashes[study.study_id] = what
    if not clashes:
        return None
    first = next(iter(clashes))
    return (
        f"data.stacks.{name}: not of the same slices in {len(clashes)} studies, {some(list(clashes))} ({first}: "
        f"{clashes[first]}); prepare the store without them, or read the modalities as inputs of their own"
    )


def _remarks(store: Store, name: str) -> list[str]:
    """Studies that lack a stack for the want of one modality, and those of which nobody knows how the slices pair."""
    parts, complete = store.layout.parts(name), store.lengths(name)
    some_part = np.any([store.lengths(part) for part in parts], axis=0)
    lacking = [store.study_ids[row] for row in np.flatnonzero(some_part & (complete == 0)).tolist()]
    several = np.flatnonzero(complete > 1).tolist()
    trusted = [store.study_ids[row] for row in several if store.order_source(row, name) == "unknown"]
    listing, lines = " or ".join(parts), []
    if lacking:
        lines.append(f"{name}: absent from {len(lacking)} studies, which lack {listing}: {some(lacking)}")
    if trusted:
        lines.append(
            f"{name}: that {' and '.join(parts)} are of the same slices is taken on trust in {len(trusted)} studies, "
            f"whose order is unknown: {some(trusted)}"
        )
    return lines
