"""A file that came from another node, looked at before it is kept: whose study it is, and whether it is a whole image.

Why a file is not kept is said by its kind alone: whatever its header holds may tell who the patient is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import UID

from mmdx.data.dicom.files import check_complete, pixel_facts, read_header
from mmdx.errors import DataError, MmdxError

NO_ROOM, NOT_OF_ITS_CLASS, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000
"""The statuses by which a C-STORE is refused (PS3.4 B.2.3): out of resources, another class, cannot be understood."""
DISCARDED = 0xB006
"""A warning: elements were discarded, here all of them. Archives send reports along with the images of a study, and
many send nothing more of it once one object was refused."""


class Unfit(MmdxError):
    """A file that is not kept; `status` is what DICOM calls that, and the one line quotes nothing of the file."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Arrival:
    """The UIDs of a file: data of somebody else, and never part of a name on this disk."""

    study: str
    instance: str
    kind: str


@dataclass(frozen=True)
class Looked:
    """What a header tells, as far as it tells it, and why the file may not be kept; None where it may."""

    arrival: Arrival | None
    unfit: Unfit | None = None


def is_image(kind: UID) -> bool:
    """Whether a storage class is one of pictures; films are none."""
    return "Image Storage" in kind.name and "Video" not in kind.name


def looked_at(path: Path) -> Looked:
    """What a file is: a whole image of a study, or why it is not that."""
    try:
        header = read_header(path)
    except DataError:
        return Looked(None, Unfit("its header is broken", NOT_UNDERSTOOD))
    found = Arrival(*(str(header.get(name) or "") for name in ("StudyInstanceUID", "SOPInstanceUID", "SOPClassUID")))
    if not all((found.study, found.instance, found.kind)):
        return Looked(None, Unfit("it lacks the UID of its study, its class or its own", NOT_UNDERSTOOD))
    try:
        pixel_facts(header)
    except DataError:
        if not is_image(UID(found.kind)):
            return Looked(found, Unfit("it is of a kind that shows no image", DISCARDED))
        return Looked(found, Unfit("it is no image that can be read", NOT_OF_ITS_CLASS))
    try:
        check_complete(path, header)
    except DataError:
        return Looked(found, Unfit("its pixels are cut short", NOT_UNDERSTOOD))
    return Looked(found)
