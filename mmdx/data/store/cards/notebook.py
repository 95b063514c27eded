"""What a notebook shows of a store: its studies by split, what they have, and how often each finding is met."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
from jaxtyping import Float

from mmdx.data.store.store import Store
from mmdx.kinds import KINDS


def in_notebook(store: Store) -> str:
    """A piece of HTML without a style of its own: a column for each split; a row for studies, patients, those with
    images (or descriptors), and each finding, present of known."""
    words, patients = np.array(store.splits.words, dtype=object), np.array(store.patient_ids, dtype=object)
    splits = {name: words == name for name in store.splits.counts()}

    rows = [
        _row("td", "studies", [np.count_nonzero(inside) for inside in splits.values()]),
        _row("td", "patients", [len(set(patients[inside])) for inside in splits.values()]),
    ]
    for name, facts in store.stored.items():
        if KINDS[facts.kind].sliced:
            lengths = store.lengths(name)
            rows.append(_row("td", f"with {name}", [np.count_nonzero(lengths[inside]) for inside in splits.values()]))
    for place, finding in enumerate(store.findings):
        labels = store.labels[:, place]
        rows.append(_row("td", finding, [_present(labels[inside]) for inside in splits.values()]))
    head = f"<p><b>{escape(str(store.folder))}</b>: {escape(store.in_words())}</p>"
    return f"{head}<table>{_row('th', '', splits)}{''.join(rows)}</table>"


def _present(labels: Float[np.ndarray, "n"]) -> str:
    return f"{np.count_nonzero(labels == 1)} of {np.count_nonzero(~np.isnan(labels))}"


def _row(tag: str, name: str, cells: Iterable[object]) -> str:
    values = "".join(f"<{tag}>{escape(str(cell))}</{tag}>" for cell in cells)
    return f'<tr><th style="text-align: left">{escape(name)}</th>{values}</tr>'
