"""How findings and measures are coded: by two private schemes, since no standard one says what a model's data mean by a
finding. Standard codes stand where they are sure."""

from __future__ import annotations

import hashlib

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.coding import Code

from mmdx.errors import one_line

MEASURES, FINDINGS = "99MMDX", "99MMDXF"
"""The designators of both schemes."""
SCHEMES = {
    MEASURES: "What mmdx says of a finding, a box or a study",
    FINDINGS: "Findings, by the names that the data of a model gives them",
}
CODE_LENGTH, MEANING_LENGTH = 16, 64
"""The most characters of a code value, and of its meaning."""
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
"""The container of TID 1500 for what is no measurement."""
SOURCE = Code("260753009", "SCT", "Source")
_MEANINGS = {
    "probability": "Calibrated probability",
    "score": "Score, not calibrated",
    "image-prob": "Calibrated probability of the likeliest image",
    "image-score": "Score of the likeliest image",
    "threshold": "Threshold of a yes",
    "at-threshold": "At or above the threshold",
    "prevalence": "Prevalence in training",
    "spread": "Standard deviation over the models of an ensemble",
    "box-score": "Score of the box",
    "box-width": "Width of the box, along the rows of the image",
    "box-height": "Height of the box, along the columns of the image",
    "use": "Intended use",
    "meaning": "Meaning of the scores",
    "shown": "Inputs that were shown",
    "absent": "Inputs that were absent",
    "order": "Order of the images",
    "withheld": "Left out of the reports that were read",
    "problem": "Problem of the study",
}


def measure(code: str) -> CodedConcept:
    """One of the concepts of mmdx itself."""
    return CodedConcept(code, MEASURES, _MEANINGS[code])


def finding(name: str) -> CodedConcept:
    """A finding: its name as the code where it may be one, else a digest of it; as the meaning what fits of it."""
    plain = name.isascii() and name.isprintable() and "\\" not in name and name.strip() == name
    digest = hashlib.blake2b(name.encode(), digest_size=CODE_LENGTH // 2).hexdigest()
    code = name if plain and 0 < len(name) <= CODE_LENGTH else digest
    return CodedConcept(code, FINDINGS, label(name) or digest)


def label(text: str) -> str:
    r"""As much of a text as an element of 64 characters holds, which has no `\` and no line breaks."""
    return one_line(text).replace("\\", "/").strip()[:MEANING_LENGTH].strip()


def schemes() -> list[CodingSchemeIdentificationItem]:
    """What a document says of the private schemes."""
    return [
        CodingSchemeIdentificationItem(designator, name=name, responsible_organization="mmdx")
        for designator, name in SCHEMES.items()
    ]
