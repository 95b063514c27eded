"""Indiana University chest x-rays (Open-i): reports in sections, their x-rays, and MeSH terms that indexers gave them
(Demner-Fushman et al. 2016, J. Am. Med. Inform. Assoc. 23(2):304-310).

Layout: a report each in `ecgen-radiology/*.xml` (or right in the folder), and `NLMCXR_png/<id>.png` (or `.dcm`) for the
`id` of every `parentImage` in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mmdx.data.files import inside, listing
from mmdx.data.images.modality import images_listed
from mmdx.errors import DataError, refuse_lack
from mmdx.registry import READERS
from mmdx.study import UNKNOWN, ImageFiles, Study

LICENCE = "CC-BY-NC-ND-4.0"
TERMS: Mapping[str, tuple[str, ...]] = {
    "normal": ("normal",),
    "cardiomegaly": ("cardiomegaly",),
    "opacity": ("opacity",),
    "consolidation": ("consolidation",),
    "infiltrate": ("infiltrate",),
    "pneumonia": ("pneumonia",),
    "atelectasis": ("pulmonary atelectasis",),
    "effusion": ("pleural effusion",),
    "pneumothorax": ("pneumothorax",),
    "edema": ("pulmonary edema",),
    "emphysema": ("pulmonary emphysema", "emphysema"),
    "nodule": ("nodule",),
    "calcified_granuloma": ("calcified granuloma",),
    "fracture": ("fractures, bone",),
}
"""By finding: the heads of MeSH terms that state it, what stands before the first `/` of `Cardiomegaly/mild`."""
_SILENT = ("no indexing", "technical quality of image unsatisfactory")
"""Heads that say nothing of any finding."""
_SUFFIXES = (".png", ".dcm")


@READERS("openi")
def read(root: Path, *, images: str = "NLMCXR_png") -> list[Study]:
    """Open-i chest x-rays: one study per report, its x-rays as `image` and its sections as `report`.

    `images` is the folder of the x-rays within `root`; all views of a report count, in the order of the report. Each
    section of the report is one line, `INDICATION: …`; empty ones are left out. A finding is 1 where a major MeSH term
    states it, 0 where the report has other terms, unknown where it has none. No patient is named, so each report is a
    patient of its own. A report that is no XML, or that declares entities, is a study that cannot be read.
    """
    reports = root / "ecgen-radiology"
    files = [path for path in listing(reports if reports.is_dir() else root, root)[0] if path.suffix.lower() == ".xml"]
    if not files:
        raise DataError(f"{root}: holds no report (ecgen-radiology/*.xml); is it the right folder?")
    xrays = {path.name: path for path in listing(inside(root, images, "option images"), root)[0]}
    return [_study(path, xrays) for path in files]


def _study(path: Path, xrays: Mapping[str, Path]) -> Study:
    try:
        report = _parsed(path)
    except DataError as error:
        return Study(path.stem, path.stem, {}, dict.fromkeys(TERMS, UNKNOWN), problems=error.problems)
    name = next((uid.get("id", "").strip() for uid in report.iter("uId")), "") or path.stem
    modalities: dict[str, ImageFiles | str] = {}
    views, problems = _views(report, xrays, path)
    if views:
        try:
            modalities["image"], more = images_listed(views)
            problems += more
        except DataError as error:
            problems += error.problems
    if text := _sections(report):
        modalities["report"] = text
    if not modalities:
        problems.append(f"{path}: neither x-rays nor text")
    return Study(name, name, modalities, _labels(report), problems=tuple(problems), patient_known=False)


def _parsed(path: Path) -> Element:
    """The root of the XML. Raises `DataError` where it is none, or would have the parser expand or fetch anything."""
    try:
        return fromstring(path.read_bytes())
    except DefusedXmlException:
        raise DataError(f"{path}: declares entities, which no report needs; refused, get the file anew") from None
    except (ParseError, ValueError, LookupError) as error:
        raise DataError(f"{path}: not XML: {error}; get the file anew") from None
    except OSError as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _views(report: Element, xrays: Mapping[str, Path], where: Path) -> tuple[list[Path], list[str]]:
    """The files of a report's x-rays, each once, and a problem for every one that is not there."""
    views, problems = [], []
    for name in dict.fromkeys(view.get("id", "").strip() for view in report.iter("parentImage")):
        path = next((xrays[name + suffix] for suffix in _SUFFIXES if name + suffix in xrays), None)
        if path is None:
            problems.append(f"{where}, parentImage: no x-ray '{name}' ({' or '.join(_SUFFIXES)}); read without it")
        else:
            views.append(path)
    return views, problems


def _sections(report: Element) -> str:
    """One line per section with its heading, as `text/sections.py` reads them; text without a heading comes first."""
    lines = []
    for part in report.iter("AbstractText"):
        text = " ".join(" ".join(part.itertext()).split())
        heading = " ".join(part.get("Label", "").split()).upper()
        lines += [(bool(heading), f"{heading}: {text}" if heading else text)] if text else []
    return "\n".join(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def _labels(report: Element) -> dict[str, float]:
    heads = {" ".join((term.text or "").partition("/")[0].split()).casefold() for term in report.iter("major")}
    heads -= {"", *_SILENT}
    if not heads:
        return dict.fromkeys(TERMS, UNKNOWN)
    return {finding: float(any(term in heads for term in terms)) for finding, terms in TERMS.items()}
