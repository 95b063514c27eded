"""Whose study it is, as the header of a source says: the elements that a report needs to be filed beside its images.

Nothing of it is shown or logged, in errors neither.
"""

from __future__ import annotations

import unicodedata

import pydicom
from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.valuerep import DA, TM, PersonName

from mmdx.data.quiet import quiet

NEEDED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID", "StudyDate"),
    *("StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
"""What each report holds, empty where nobody knows."""
OPTIONAL = ("IssuerOfPatientID", "StudyDescription")
REMOVED = ("PatientIdentityRemoved", "DeidentificationMethod")
"""That names were removed, and how: both or none."""
UTF_8 = "ISO_IR 192"
_DAYS_AND_TIMES = {"DA": DA, "TM": TM}
_SEXES = ("", "M", "F", "O")


def identity_of(header: pydicom.Dataset) -> tuple[pydicom.Dataset, tuple[str, ...]]:
    """The elements that tell whose study it is, in Unicode, and the names of those that are malformed: these are left
    empty."""
    identity, malformed = pydicom.Dataset(), []
    identity.SpecificCharacterSet = UTF_8
    with quiet():
        texts = {keyword: _text(header, keyword) for keyword in (*NEEDED, *OPTIONAL, *REMOVED)}
        for keyword, text in texts.items():
            if text is None:
                malformed.append(keyword)
            if keyword in NEEDED or (keyword in OPTIONAL and text) or all(texts[one] for one in REMOVED):
                setattr(identity, keyword, text or "")
    return identity, tuple(malformed)


def _text(header: pydicom.Dataset, keyword: str) -> str | None:
    """The one value of an element as text, empty where there is none; None where it is not what its VR asks for."""
    kind = dictionary_VR(keyword)
    try:
        value = header.get(keyword)
        if not isinstance(value, str | PersonName | None):
            return None
        text = str(value or "").strip()
        DataElement(tag_for_keyword(keyword) or 0, kind, text, validation_mode=config.RAISE)
        _DAYS_AND_TIMES.get(kind, str)(text)  # the 30th of February has the form of a date
    except Exception:  # pydicom raises whatever broken bytes make it stumble over
        return None
    acting = "\\" in text or any(unicodedata.category(character) == "Cc" for character in text)
    return None if acting or (keyword == "PatientSex" and text not in _SEXES) else text
