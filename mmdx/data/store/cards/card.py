"""The store's own card, in the form of a Hugging Face dataset card: front matter, then sections for people."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from mmdx.data.privacy import identifiers
from mmdx.data.privacy.privacy import BURNED_IN
from mmdx.data.splits.splits import Splits
from mmdx.data.store.cards.croissant import write_croissant
from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.layout import content_of
from mmdx.files import write_text
from mmdx.kinds import KINDS
from mmdx.registry import READERS
from mmdx.study import SPLITS, ModalityFiles, Study
from mmdx.templates import environment

CARD = "card.md"
OTHER_LICENCE = "other: see the source's own terms"
_HUB_LICENCES = (
    *("apache-2.0", "mit", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0"),
    *("cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0", "odc-by", "odbl"),
)
"""Those licences of medical data sets that the hub has an identifier for: the SPDX one in lower case."""
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))
MOST_REASONS = 20
"""Reasons of the quarantine that the card counts; `quarantine.csv` has all."""
_UNIT_SENTENCES = {
    "HU": "Hounsfield units, clipped to [-1024, 3071], as int16",
    "intensity": "plain intensities, as uint8",
}

Row = tuple[object, ...]
"""The cells of one row of a table."""


def write_cards(
    out: Path,
    description: Mapping[str, Any],
    studies: Sequence[Study],
    splits: Splits,
    quarantine: Sequence[Mapping[str, str]],
) -> None:
    """Writes `card.md` and `croissant.json` of a store whose shards and `splits.csv` lie in `out` already."""
    licence = licence_of(description["reader"])
    card = DatasetCard(f"---\n{_front_matter(description, licence).to_yaml()}\n---\n\n")
    sections = _sections(description, licence, studies, splits, quarantine)
    write_text(out / CARD, f"{card.content.rstrip()}\n\n{sections}")
    write_croissant(out, description, licence)


def licence_of(reader: str) -> str:
    """What the module of a reader says in its constant `LICENCE`: an SPDX identifier or a sentence."""
    return str(vars(sys.modules[READERS.get(reader).__module__]).get("LICENCE", OTHER_LICENCE))


def _front_matter(description: Mapping[str, Any], licence: str) -> DatasetCardData:
    kinds = [KINDS[facts["kind"]] for facts in description["modalities"].values()]
    tasks = ["image-classification"] if any(kind.pictured for kind in kinds) else []
    tasks += ["text-classification"] if any(kind.worded for kind in kinds) else []
    on_hub = licence.lower() in _HUB_LICENCES
    return DatasetCardData(
        pretty_name=f"mmdx store of reader {description['reader']}",
        license=licence.lower() if on_hub else "other",
        task_categories=tasks,
        tags=["medical", "mmdx", *(["multimodal"] if len(description["modalities"]) > 1 else [])],
        size_categories=next((name for most, name in _SIZES if description["studies"] < most), "10M<n<100M"),
    )


def _sections(
    description: Mapping[str, Any],
    licence: str,
    studies: Sequence[Study],
    splits: Splits,
    quarantine: Sequence[Mapping[str, str]],
) -> str:
    modalities = description["modalities"]
    reasons = Counter(reason_without_names(row["reason"]) for row in quarantine)
    return (
        environment(__name__.rpartition(".")[0])
        .get_template("card.md.j2")
        .render(
            store=description,
            kinds=KINDS,
            contents={name: content_of(ModalityFacts.from_json(facts)) for name, facts in modalities.items()},
            licence=licence,
            extracted=description.get("extracted"),
            problems=sum(bool(study.problems) for study in studies),
            counts=_counts(modalities, studies),
            dealt_before=sum(study.split is not None for study in studies),
            splits=_splits(studies, splits),
            split_names=list(SPLITS),
            prevalence=_prevalence(description["findings"], studies, splits),
            orders=_orders(modalities, studies),
            quarantined=len(quarantine),
            reasons=reasons.most_common(MOST_REASONS),
            unit_sentences=_UNIT_SENTENCES,
            burned_in=BURNED_IN,
            identifiers=[(kind, description["privacy"]["text"][kind]) for kind in identifiers.KINDS],
        )
    )


def _counts(modalities: Mapping[str, Any], studies: Sequence[Study]) -> list[Row]:
    """Of each modality: its kind, the studies that have it, and their images."""
    rows: list[Row] = []
    for name, facts in modalities.items():
        values = [study.modalities[name] for study in studies if name in study.modalities]
        pictures = [value for value in values if isinstance(value, ModalityFiles) and KINDS[value.kind].pictured]
        images = sum(STORED[value.kind].count(value) or 0 for value in pictures)
        rows.append((name, facts["kind"], len(values), images or ""))
    return rows


def _splits(studies: Sequence[Study], splits: Splits) -> list[Row]:
    """Of each split: its studies, and their patients."""
    rows: list[Row] = []
    for name in SPLITS:
        inside = [studies[row] for row in splits.rows(name)]
        rows.append((name, len(inside), len({study.patient_id for study in inside})))
    return rows


def _prevalence(findings: Sequence[str], studies: Sequence[Study], splits: Splits) -> list[Row]:
    """Of each finding: present / absent / unknown by split; a share is of the known."""
    rows: list[Row] = []
    for finding in findings:
        cells = []
        for name in SPLITS:
            labels = [studies[row].labels.get(finding) for row in splits.rows(name)]
            present, absent = labels.count(1.0), labels.count(0.0)
            share = f" ({present / (present + absent):.1%})" if present + absent else ""
            cells.append(f"{present} / {absent} / {len(labels) - present - absent}{share}")
        rows.append((finding, *cells))
    return rows


def _orders(modalities: Mapping[str, Any], studies: Sequence[Study]) -> list[Row]:
    """Of each modality with an order: how many studies have which source, how many gaps and how many duplicates."""
    rows: list[Row] = []
    for name, facts in modalities.items():
        orders = [
            value.order
            for study in studies
            if isinstance(value := study.modalities.get(name), ModalityFiles) and value.order is not None
        ]
        if KINDS[facts["kind"]].pictured or orders:
            sources = Counter(order.source for order in orders)
            gaps, doubles = sum(bool(order.gaps) for order in orders), sum(bool(order.duplicates) for order in orders)
            rows.append((name, ", ".join(f"{source} {n}" for source, n in sources.most_common()), gaps, doubles))
    return rows


def reason_without_names(reason: str) -> str:
    """The first sentence of a reason without what is particular to one study: file names, quoted words, numbers."""
    kind = re.sub(r"'[^']*'", "'…'", reason.partition(" · ")[0])
    kind = re.sub(r"\S*/\S*|\S+\.\w*[a-zA-Z]\w*(?=[\s,:;]|$)|file-\w+", "…", kind)
    return re.sub(r"\d+(?:\.\d+)*", "N", kind)
