"""The store's own card, in the form of a Hugging Face dataset card: front matter, then sections for people."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetCard, DatasetCardData

from mmdx.data.privacy.identifiers import KINDS
from mmdx.data.privacy.privacy import BURNED_IN
from mmdx.data.store.croissant import write_croissant
from mmdx.registry import READERS
from mmdx.study import SPLITS, ImageFiles, Split, Study, VectorFiles

CARD = "card.md"
OTHER_LICENCE = "other: see the source's own terms"
_HUB_LICENCES = (
    *("apache-2.0", "mit", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-3.0"),
    *("cc-by-nc-4.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0", "odc-by", "odbl"),
)
"""Those licences of medical data sets that the hub has an identifier for: the SPDX one in lower case."""
_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))
_UNIT_SENTENCES = {
    "HU": "Hounsfield units, clipped to [-1024, 3071], as int16",
    "intensity": "plain intensities, as uint8",
}


def write_cards(
    out: Path,
    description: Mapping[str, Any],
    studies: Sequence[Study],
    splits: Sequence[Split],
    quarantine: Sequence[Mapping[str, str]],
) -> None:
    """Writes `card.md` and `croissant.json` of a store whose shards and `splits.csv` lie in `out` already."""
    licence = licence_of(description["reader"])
    card = DatasetCard(f"---\n{_front_matter(description, licence).to_yaml()}\n---\n\n")
    sections = _sections(description, licence, studies, splits, quarantine)
    (out / CARD).write_text(f"{card.content.rstrip()}\n\n{sections}", encoding="utf-8")
    write_croissant(out, description, licence)


def licence_of(reader: str) -> str:
    """What the module of a reader says in its constant `LICENCE`: an SPDX identifier or a sentence."""
    return str(vars(sys.modules[READERS.get(reader).__module__]).get("LICENCE", OTHER_LICENCE))


def _front_matter(description: Mapping[str, Any], licence: str) -> DatasetCardData:
    kinds = {facts["kind"] for facts in description["modalities"].values()}
    tasks = {"images": "image-classification", "text": "text-classification"}
    known = licence.lower() in _HUB_LICENCES
    return DatasetCardData(
        pretty_name=f"mmdx store of reader {description['reader']}",
        license=licence.lower() if known else "other",
        task_categories=[task for kind, task in tasks.items() if kind in kinds],
        tags=["medical", "mmdx", *(["multimodal"] if len(description["modalities"]) > 1 else [])],
        size_categories=next((name for most, name in _SIZES if description["studies"] < most), "10M<n<100M"),
    )


def _sections(
    description: Mapping[str, Any],
    licence: str,
    studies: Sequence[Study],
    splits: Sequence[Split],
    quarantine: Sequence[Mapping[str, str]],
) -> str:
    parts = {
        "Counts": _counts(description, studies),
        "Splits": _splits(studies, splits, description["split"]),
        "Prevalence": _prevalence(description["findings"], studies, splits),
        "Order of images": _orders(description["modalities"], studies),
        "Quarantine": _quarantine(quarantine),
        "Licence": [f"{licence}."],
        "Preprocessing": _preprocessing(description),
        "Identifiers": _identifiers(description["privacy"]),
        "Fingerprint": [f"`{description['fingerprint']}` (store format {description['format']})."],
    }
    lines = [f"# Store of reader `{description['reader']}`", ""]
    for title, text in parts.items():
        lines += [f"## {title}", "", *text, ""]
    return "\n".join(lines)


def _counts(description: Mapping[str, Any], studies: Sequence[Study]) -> list[str]:
    problems = sum(bool(study.problems) for study in studies)
    rows = []
    for name, facts in description["modalities"].items():
        have = [study.modalities[name] for study in studies if name in study.modalities]
        images = sum(len(value.images) for value in have if isinstance(value, ImageFiles))
        rows.append((name, facts["kind"], len(have), images or ""))
    sentence = (
        f"{description['studies']} studies of {description['patients']} patients; {description['quarantined']} "
        f"quarantined; {problems} kept with problems named."
    )
    return [sentence, "", *_table(("modality", "kind", "studies", "images"), rows)]


def _splits(studies: Sequence[Study], splits: Sequence[Split], dealt: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in SPLITS:
        inside = [study for study, split in zip(studies, splits, strict=True) if split == name]
        rows.append((name, len(inside), len({study.patient_id for study in inside})))
    given = sum(study.split is not None for study in studies)
    asked = ", ".join(f"{name} {value}" for name, value in dealt.items())
    sentence = f"All studies of a patient are in one split. {given} came with a split; the others were dealt ({asked})."
    return [sentence, "", *_table(("split", "studies", "patients"), rows)]


def _prevalence(findings: Sequence[str], studies: Sequence[Study], splits: Sequence[Split]) -> list[str]:
    """Present / absent / unknown, by split; a share is of the known."""
    rows = []
    for finding in findings:
        cells = []
        for name in SPLITS:
            labels = [s.labels.get(finding) for s, split in zip(studies, splits, strict=True) if split == name]
            present, absent = labels.count(1.0), labels.count(0.0)
            share = f" ({present / (present + absent):.1%})" if present + absent else ""
            cells.append(f"{present} / {absent} / {len(labels) - present - absent}{share}")
        rows.append((finding, *cells))
    if not rows:
        return ["No labels came with the data."]
    return [
        "Present / absent / unknown studies, and the share of the present among the known.",
        "",
        *_table(("finding", *SPLITS), rows),
    ]


def _orders(modalities: Mapping[str, Any], studies: Sequence[Study]) -> list[str]:
    rows = []
    for name, facts in modalities.items():
        orders = [
            value.order
            for study in studies
            if isinstance(value := study.modalities.get(name), ImageFiles | VectorFiles) and value.order is not None
        ]
        if facts["kind"] == "images" or orders:
            sources = Counter(order.source for order in orders)
            gaps, doubles = sum(bool(order.gaps) for order in orders), sum(bool(order.duplicates) for order in orders)
            rows.append((name, ", ".join(f"{source} {n}" for source, n in sources.most_common()), gaps, doubles))
    if not rows:
        return ["No images."]
    return [
        "On what evidence images stand in order, in studies.",
        "",
        *_table(("modality", "source", "with gaps", "with duplicates"), rows),
    ]


def _quarantine(quarantine: Sequence[Mapping[str, str]]) -> list[str]:
    if not quarantine:
        return ["No study was refused."]
    kinds = Counter(kind_of(row["reason"]) for row in quarantine)
    sentence = f"{len(quarantine)} studies are not in the store; `quarantine.csv` says why, one by one."
    return [sentence, "", *_table(("reason", "studies"), kinds.most_common(20))]


def kind_of(reason: str) -> str:
    """The first sentence of a reason without what is a study's own: names of files, quoted words, numbers."""
    kind = re.sub(r"'[^']*'", "'…'", reason.partition(" · ")[0])
    kind = re.sub(r"\S*/\S*|\S+\.\w*[a-zA-Z]\w*(?=[\s,:;]|$)|file-\w+", "…", kind)
    return re.sub(r"\d+(?:\.\d+)*", "N", kind)


def _preprocessing(description: Mapping[str, Any]) -> list[str]:
    options = [f"- `{name}={value}`" for name, value in description["options"].items()]
    side = description["size"]
    images = [
        f"- `{name}`: letter-boxed to {side} x {side} pixels, {'colour' if facts['channels'] == 3 else 'grey'}, "
        f"{_UNIT_SENTENCES[facts['unit']]}"
        for name, facts in description["modalities"].items()
        if facts["kind"] == "images"
    ]
    texts = [
        f"- `{name}`: text as the reader gave it"
        for name, facts in description["modalities"].items()
        if facts["kind"] == "text"
    ]
    vectors = [
        f"- `{name}`: descriptors of {facts['width']} values"
        + (f", of which the last {facts['logits']} are logits of the model that left them" if facts["logits"] else "")
        for name, facts in description["modalities"].items()
        if facts["kind"] == "vectors"
    ]
    return [
        *images,
        *vectors,
        *texts,
        *_origin(description.get("extracted")),
        "",
        f"Reader `{description['reader']}`" + (" with:" if options else "."),
        "",
        *options,
    ]


def _origin(extracted: Mapping[str, Any] | None) -> list[str]:
    """Which models left the descriptors of the store."""
    if extracted is None:
        return []
    return [
        "",
        f"`{', '.join(extracted['modalities'])}`: extracted by the models of `{extracted['run']}`; training rows: "
        f"{extracted['training_rows']}.",
    ]


def _identifiers(found: Mapping[str, Any]) -> list[str]:
    text = found["text"]
    key = found["pseudonym_key"]
    ids = f"keyed hashes (key `{key}`)" if key else "as in the source"
    lines = [
        f"Patient and study ids are {ids}. Of DICOM files no name, birth date, accession number or date is stored."
    ]
    lines += [
        f"Left out: the trait `{name}` of {studies} studies." for name, studies in found["traits_left_out"].items()
    ]
    lines += [f"Images of {found['burned_in']} studies {BURNED_IN}."] if found["burned_in"] else []
    if text["reports"]:
        lines += [
            "",
            f"A scan of {text['reports']} reports, which is no de-identification, found in {text['with_any']} of them "
            "what looks like an identifier:",
            "",
            *_table(("kind", "count"), [(kind, text[kind]) for kind in KINDS]),
        ]
    return lines


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    def line(cells: Sequence[object]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows)]
