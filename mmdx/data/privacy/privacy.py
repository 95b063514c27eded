"""What must not be stored is left out between reader and store: traits that tell who or when, and, by a key, names.

`docs/privacy.md` says what is done and what is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom

from mmdx.data.privacy.identifiers import KINDS, blotted, count, scan
from mmdx.data.privacy.pseudonyms import Pseudonyms, names_under
from mmdx.errors import DataError
from mmdx.study import SERIES_DIGEST, ModalityFiles, Study

BURNED_IN = "may show who the patient is: pixels are stored as they are"
LEFT_OUT = "it may tell who the patient is or when the study was"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""How the SOP class of screenshots and scanned paper begins."""
_ULTRASOUND = ("US", "IVUS")
_TELLING = re.compile(
    r"(?:^|_)(?:surname|birthday|birthdate|dob|address|street|city|zip|zipcode|postcode|postal|phone|telephone|fax|email"
    r"|accession|mrn|ssn|passport|date|datetime|timestamp)(?:_|$)"
    r"|^(?:(?:patient|first|last|given|family|full|middle|maiden)_?)?name$|^patient_?s_name$|^patient_?id$"
)
_PEOPLE = re.compile(r"(?:^|_)(?:physician|doctor|radiologist|operator|reader|observer)(?:_|$)")


def telling(name: str, value: str | float) -> bool:
    """Whether a trait may tell who the patient is or when the study was, by its name or by the form of its value."""
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    if _TELLING.search(words):
        return True
    if isinstance(value, str):
        # Any long number has the form of a record number, an article's as well.
        return bool(_PEOPLE.search(words)) or any(identifier.kind != "record number" for identifier in scan(value))
    # A date without marks, such as 20200131, is read from a table as a number.
    return float(value).is_integer() and any(identifier.kind == "date" for identifier in scan(f"{value:.0f}"))


def private(studies: Sequence[Study], source: Path, pseudonyms: Pseudonyms | None) -> list[Study]:
    """The studies as they may be stored.

    Traits that are `telling` are left out, and named in `problems`; what looks like an identifier in a problem is
    blotted out. With `pseudonyms`, patient and study ids are replaced by theirs, and so are names of files and quoted
    words in problems.
    """
    names = names_under(source) if pseudonyms is not None else frozenset()
    return [_private(study, pseudonyms, names) for study in studies]


def _private(study: Study, pseudonyms: Pseudonyms | None, names: Collection[str]) -> Study:
    dropped = [name for name, value in study.traits.items() if telling(name, value)]
    traits = {name: value for name, value in study.traits.items() if name not in dropped}
    problems = tuple(stored_sentence(problem, study, pseudonyms, names) for problem in study.problems)
    problems += tuple(f"left out the trait '{name}': {LEFT_OUT}" for name in dropped)
    study = replace(study, traits=traits, problems=problems)
    if pseudonyms is None:
        return study
    patient = pseudonyms.of("patient", study.patient_id) if study.patient_id else ""
    if SERIES_DIGEST in traits:  # a digest without a key could be found again from the UID
        traits[SERIES_DIGEST] = pseudonyms.of("series", str(traits[SERIES_DIGEST]))
    return replace(study, study_id=pseudonyms.of("study", study.study_id), patient_id=patient, traits=traits)


def stored_sentence(text: str, study: Study, pseudonyms: Pseudonyms | None, names: Collection[str] = ()) -> str:
    """A problem of `study`, or the reason why it is quarantined, as it may be stored and said.

    `names` are replaced, and so are those of the study's own files and folders; those of its modalities stay.
    """
    if pseudonyms is not None:
        own_names = {
            part
            for value in study.modalities.values()
            if isinstance(value, ModalityFiles)
            for path in value.paths
            for part in (*path.parts, path.stem)
        }
        own_names |= {study.study_id, study.patient_id} - {""}
        text = pseudonyms.sentence(text, names, own_names, keep=study.modalities)
    return blotted(text)


@contextmanager
def quoting_nobody(pseudonyms: Pseudonyms | None) -> Iterator[None]:
    """Errors raised inside name file, row and column, but with `pseudonyms` quote no cell."""
    try:
        yield
    except DataError as error:
        if pseudonyms is None:
            raise
        raise DataError([pseudonyms.unquoted(problem) for problem in error.problems]) from None


def burned_in(headers: Sequence[pydicom.Dataset]) -> list[str]:
    """A sentence where images say, or by their kind are likely, to have text burned into the pixels; else nothing."""
    stated = sum(str(h.get("BurnedInAnnotation") or "").strip().upper() == "YES" for h in headers)
    likely = sum(_shows_text(header) for header in headers)
    parts = [f"{stated} image(s) with BurnedInAnnotation YES"] if stated else []
    parts += [f"{likely} ultrasound or secondary capture image(s)"] if likely else []
    return [f"{' and '.join(parts)} {BURNED_IN}"] if parts else []


def _shows_text(header: pydicom.Dataset) -> bool:
    capture = str(header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE)
    likely = capture or header.get("Modality") in _ULTRASOUND
    return likely and str(header.get("BurnedInAnnotation") or "").strip().upper() not in ("YES", "NO")


def summary(studies: Sequence[Study], pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    """Counts for the card: identifiers in text by kind, traits left out, studies whose pixels may show a name."""
    texts = [text for study in studies for text in study.modalities.values() if isinstance(text, str)]
    kinds, holding, total = count(texts)
    pattern = re.compile(rf"left out the trait '(.+)': {LEFT_OUT}")
    left_out = Counter(
        match[1] for study in studies for problem in study.problems if (match := pattern.fullmatch(problem))
    )
    burned = sum(any(BURNED_IN in problem for problem in study.problems) for study in studies)
    return {
        "text": {"reports": total, "with_any": holding, **{kind: kinds[kind] for kind in KINDS}},
        "traits_left_out": dict(sorted(left_out.items())),
        "burned_in": burned,
        "pseudonym_key": pseudonyms.fingerprint if pseudonyms else None,
    }


def notices(counts: Mapping[str, Any]) -> list[str]:
    """What `summary` found, in lines to be said aloud; none where nothing was found."""
    text = counts["text"]
    lines = []
    if text["with_any"]:
        kinds = ", ".join(f"{kind} {text[kind]}" for kind in KINDS if text[kind])
        lines.append(f"text that looks like an identifier in {text['with_any']} of {text['reports']} reports: {kinds}")
    for name, studies in counts["traits_left_out"].items():
        lines.append(f"left out the trait '{name}' of {studies} studies: {LEFT_OUT}")
    if counts["burned_in"]:
        lines.append(f"images of {counts['burned_in']} studies {BURNED_IN}")
    return lines
