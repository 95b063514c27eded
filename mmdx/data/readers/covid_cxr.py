"""COVID-19 Image Data Collection: chest x-rays with clinical notes (Cohen et al. 2020, arXiv 2006.11988).

Layout: `metadata.csv`, one row per image, beside the folder that its column `folder` names (`images/`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mmdx.data.files import inside
from mmdx.data.tables.tables import Row, read_table
from mmdx.errors import DataError
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, ImageFiles, ImageRef, Order, Study

LICENCE = "an image each, in the column license: CC BY, CC BY-SA, CC BY-NC-SA and others; some state none"
FINDINGS = ("covid19", "viral_other", "bacterial", "fungal")
MASK = "[MASKED]"
_CAUSES = {
    "covid19": ("covid-19",),
    "viral_other": ("sars", "mers-cov", "mers", "influenza", "h1n1", "varicella", "herpes"),
    "bacterial": (
        *("bacterial", "streptococcus", "klebsiella", "e.coli", "mycoplasma", "mycoplasma bacterial pneumonia"),
        *("legionella", "chlamydophila", "nocardia", "staphylococcus", "mrsa", "tuberculosis"),
    ),
    "fungal": ("fungal", "pneumocystis", "aspergillosis"),
}
_CAUSE_OF = {word: cause for cause, words in _CAUSES.items() for word in words}
_NO_INFECTION = ("no finding", "lipoid", "aspiration")
_CAUSE_UNSTATED = ("pneumonia", "ards", "viral")
"""Words of the column `finding` that leave the agent open; they do exclude COVID-19, which is always named."""
_UNLABELLED = ("todo", "unknown", "")

_NAMED = re.compile(
    r"""\b(?:
      (?:novel\s+)?corona[\s-]?virus(?:es)?(?:\s+disease)?(?:[\s-]*(?:20)?19)? | covid(?:[\s-]*(?:20)?19)?
    | (?:(?:20)?19[\s-]*)?n[\s-]?cov(?:[\s-]*(?:20)?19)? | sars(?:[\s-]*cov(?:[\s-]*[12])?)? | mers(?:[\s-]*cov)?
    | severe\s+acute\s+respiratory\s+syndrome | viral | virus(?:es)? | bacterial? | fungal | fung(?:us|i)
    | (?:parainfluenza|influenza)(?:[\s-]*[ab])? | h1n1 | swine\s+flu | varicella(?:[\s-]*zoster)? | chicken[\s-]?pox
    | herpes(?:\s+simplex|\s+zoster)? | pneumocystis(?:\s+(?:carinii|jiroveci+))? | (?:carinii|jiroveci+) | pcp | pjp
    | aspergill\w+ | (?:strepto|staphylo|pneumo)cocc\w+(?:\s+(?:pneumoniae|aureus))? | strep(?:\.|\b) | s\.\s*pneumoniae
    | klebsiella(?:\s+pneumoniae)? | k\.\s*pneumoniae | e\.?\s*coli | escherichia(?:\s+coli)?
    | mycoplasma(?:\s+pneumoniae)? | m\.\s*pneumoniae
    | legionell?\w+ | legionnaires?(?:['’]s?)? | chlamydo?ph?il\w* | chlamydi\w+ | nocardi\w+ | mrsa
    | tubercul\w+ | tb | lipoid | aspirat\w+ | ards | (?:acute|adult)\s+respiratory\s+distress\s+syndrome
    )(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)


@READERS("covid_cxr")
def read(root: Path, *, mask: bool = True) -> list[Study]:
    """Chest x-rays of the COVID-19 Image Data Collection: one study per patient, x-rays as `image`, notes as `report`.

    All views count, in the order of `offset` (days); CTs are named and left out, with their notes. Notes that differ
    are joined in that order. About a third of them name the disease, so `mask` replaces the names of diseases and
    agents by `[MASKED]`; without it the report states the label. The labels are the patient's: positive where any row
    is, and unknown where a row says `todo`, `Unknown` or nothing. Traits: age, sex, view and licence of the first
    image that states them, and `source`, the web site it came from, which predicts COVID-19 by itself. Rows that give a
    patient several sexes are named.
    """
    columns = ["patientid", "offset", "finding", "view", "modality", "folder", "filename", "clinical_notes"]
    table = read_table(root / "metadata.csv", required=columns)
    patients: dict[str, list[Row]] = {}
    for row in table.rows:
        if not row.text("patientid"):
            raise DataError(f"{row.at('patientid')}: is empty; every image needs its patient")
        patients.setdefault(row.text("patientid"), []).append(row)
    return [_study(root, patient, rows, mask=mask) for patient, rows in patients.items()]


def masked(note: str) -> str:
    """A note with the names of diseases and infecting agents replaced by `[MASKED]`, once for names in a row."""
    text = _NAMED.sub(MASK, note)
    return re.sub(rf"{re.escape(MASK)}(?:[\s,/-]*{re.escape(MASK)})+", MASK, text)


def _study(root: Path, patient: str, rows: Sequence[Row], *, mask: bool) -> Study:
    problems: list[str] = []
    xrays = [row for row in rows if row.text("modality").lower() in ("x-ray", "xray")]
    problems += [
        f"left out {row.text('filename')}: modality is '{row.text('modality')}', no x-ray"
        for row in rows
        if row not in xrays
    ]
    xrays, by_time = _in_time(xrays)
    images, used = [], []
    for row in xrays:
        name = f"{row.text('folder')}/{row.text('filename')}".removeprefix("/")
        try:
            images.append(ImageRef(inside(root, name, row.at("filename"))))
            used.append(row)
        except DataError as error:
            problems += error.problems
    modalities: dict[str, ImageFiles | str] = {}
    if images:
        modalities["image"] = ImageFiles(tuple(images), Order("given" if by_time else "unknown"))
    notes = dict.fromkeys(" ".join(row.text("clinical_notes").split()) for row in used)
    report = " ".join(masked(note) if mask else note for note in notes if note)
    if report:
        modalities["report"] = report
    sexes = _stated(rows, "sex")
    problems += [f"sex is {' and '.join(map(str, sexes))} in different rows; the first counts"] if sexes[1:] else []
    labels, unread = _labels(rows)
    return Study(patient, patient, modalities, labels, traits=_traits(used or rows), problems=(*problems, *unread))


def _in_time(rows: Sequence[Row]) -> tuple[list[Row], bool]:
    """The rows by `offset`, and True; as they stand and False where an image of several has no offset."""
    offsets = [row.fact("offset") for row in rows]
    days = [offset for offset in offsets if isinstance(offset, float)]
    if len(days) < len(rows):
        return list(rows), len(rows) == 1
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: days[i])], True


def _labels(rows: Sequence[Row]) -> tuple[dict[str, float], list[str]]:
    """The patient's labels, and a problem for each word of `finding` that is not known."""
    stated: list[dict[str, float]] = []
    problems: dict[str, None] = {}
    for row in rows:
        words = [word.strip().lower() for word in re.split(r"[/,;]", row.text("finding"))]
        strange = [w for w in words if w not in (*_CAUSE_OF, *_NO_INFECTION, *_CAUSE_UNSTATED, *_UNLABELLED)]
        problems |= dict.fromkeys(f"finding '{word}' is not known; its labels are left unknown" for word in strange)
        if strange or any(word in _UNLABELLED for word in words):
            stated.append(dict.fromkeys(FINDINGS, UNKNOWN))
            continue
        causes = {_CAUSE_OF[word] for word in words if word in _CAUSE_OF}
        open_cause = not causes and not any(word in _NO_INFECTION for word in words)
        labels = {f: 1.0 if f in causes else UNKNOWN if open_cause else 0.0 for f in FINDINGS}
        stated.append(labels | ({"covid19": 0.0} if open_cause else {}))
    values = {f: [labels[f] for labels in stated] for f in FINDINGS}
    joined = {f: 1.0 if 1.0 in v else 0.0 if all(x == 0.0 for x in v) else UNKNOWN for f, v in values.items()}
    return joined, list(problems)


def _traits(rows: Sequence[Row]) -> dict[str, str | float]:
    """Facts of the first image that states each; `source` is the host in its `url`."""
    stated = {name: _stated(rows, name) for name in ("age", "sex", "view", "license")}
    source = urlsplit(next((row.text("url") for row in rows if row.text("url")), "")).hostname
    return {name: facts[0] for name, facts in stated.items() if facts} | ({"source": source} if source else {})


def _stated(rows: Sequence[Row], name: str) -> list[str | float]:
    """What the rows state in a column, each fact once, in their order."""
    return list(dict.fromkeys(fact for row in rows if (fact := row.fact(name)) is not None))
