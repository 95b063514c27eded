"""How images are turned for display, so that a patient looks the same from whatever file.

The letters are DICOM's for the sides of a patient: L and R (left, right), A and P (anterior, posterior), H and F (head,
feet). The axes of an image are two of them, where its rows and where its columns run to: `LP` is the usual axial image,
with the patient's right on the left side of the picture and the face up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from jaxtyping import Float, Shaped

from mmdx.errors import some

DISPLAY = ("LP", "LF", "PF")
"""How axial, coronal and sagittal images are shown: face or head up, the patient's right or face on the left."""
_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
_DICOM = (("R", "L"), ("A", "P"), ("F", "H"))
SAME_SIDES = 0.05
"""Direction cosines that spread by less than this are those of one direction, also where it lies between two axes."""

Plane = tuple[float, ...]
"""The row and the column direction of an image in patient coordinates, six cosines."""


def axes_of(planes: Sequence[Plane | None]) -> str:
    """The axes that all images have in common, two letters, by the nearest sides of the patient.

    Empty where there is no image, one says nothing usable, or they do not agree.
    """
    known = [plane for plane in planes if plane is not None]
    if not known or len(known) < len(planes):
        return ""
    spread = np.ptp(np.array(known), axis=0).max()
    if spread < SAME_SIDES:
        return _axes(np.mean(known, axis=0))
    found = {_axes(np.array(plane)) for plane in dict.fromkeys(known)}
    return found.pop() if len(found) == 1 else ""


def _axes(plane: Float[np.ndarray, "6"]) -> str:
    from nibabel.orientations import io_orientation, ornt2axcodes  # imported here: it takes long

    directions = np.eye(4)
    directions[:3, :3] = np.stack([plane[:3], plane[3:], np.cross(plane[:3], plane[3:])], axis=1)
    return "".join(side or "" for side in ornt2axcodes(io_orientation(directions), _DICOM)[:2])


@dataclass(frozen=True)
class Turn:
    """How a stored image is brought to its display: rows and columns run backwards or not, then change places or not.

    Corners are `[... 4]`: x0, y0, x1, y1 in pixels, from the outer corner of an image, x to the right and y down.
    """

    mirror_x: bool = False
    mirror_y: bool = False
    transpose: bool = False

    @classmethod
    def of(cls, axes: str) -> Turn:
        """From the axes of an image; none where these are not known, or three: those of a volume, which its reader
        turns."""
        target = next((usual for usual in DISPLAY if _usual(axes, usual)), None)
        if target is None or len(axes) != 2:
            return cls()
        across = _side(axes[0]) == target[0]
        wanted = target if across else target[::-1]
        return cls(axes[0] != wanted[0], axes[1] != wanted[1], not across)

    def image(self, pixels: Shaped[np.ndarray, "h w *c"]) -> Shaped[np.ndarray, "h2 w2 *c"]:
        """The image as it is shown, a view."""
        turned = pixels[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]
        return turned.swapaxes(0, 1) if self.transpose else turned

    def stored(self, shown: Shaped[np.ndarray, "h2 w2 *c"]) -> Shaped[np.ndarray, "h w *c"]:
        """The image that is shown as it is stored, a view."""
        back = shown.swapaxes(0, 1) if self.transpose else shown
        return back[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]

    def pair(self, x: float, y: float) -> tuple[float, float]:
        """What belongs to both sides of an image (width and height), as it is shown, or back."""
        return (y, x) if self.transpose else (x, y)

    def forth(self, corners: Float[np.ndarray, "*n 4"], width: float, height: float) -> Float[np.ndarray, "*n 4"]:
        """Corners on a stored image of this width and height as corners on the one that is shown."""
        return self._swapped(self._mirrored(corners, width, height))

    def back(self, corners: Float[np.ndarray, "*n 4"], width: float, height: float) -> Float[np.ndarray, "*n 4"]:
        """Corners on the image that is shown as corners on the stored one, of this width and height."""
        return self._mirrored(self._swapped(corners), width, height)

    def _mirrored(self, corners: np.ndarray, width: float, height: float) -> np.ndarray:
        x0, y0, x1, y1 = np.moveaxis(corners, -1, 0)
        x0, x1 = (width - x1, width - x0) if self.mirror_x else (x0, x1)
        y0, y1 = (height - y1, height - y0) if self.mirror_y else (y0, y1)
        return np.stack([x0, y0, x1, y1], axis=-1)

    def _swapped(self, corners: np.ndarray) -> np.ndarray:
        return corners[..., [1, 0, 3, 2]] if self.transpose else corners


AS_STORED = Turn()


def turned(axes: str) -> str:
    """How images or a volume of these axes are turned, in words (`LA to LP`); empty where they are shown as stored."""
    usual = "LPH" if len(axes) == 3 else next((usual for usual in DISPLAY if _usual(axes, usual)), axes)
    return "" if axes in ("", usual) else f"{axes} to {usual}"


def _usual(axes: str, usual: str) -> bool:
    """Whether `usual` is the display of images of these axes."""
    return {_side(letter) for letter in axes} == {*usual}


def _side(letter: str) -> str:
    """The letter of an axis whatever way it runs: L, P or F."""
    return letter if letter in "LPF" else _OPPOSITE[letter]


def oddly_hung(headers: Sequence[pydicom.Dataset]) -> list[str]:
    """A sentence on projections that PatientOrientation says to be hung otherwise than usual: mirrored, upside down or
    lying on a side. They are shown as stored, since nothing but that word speaks for turning them; else nothing."""
    found: dict[str, int] = {}
    for header in headers:
        words = header.get("PatientOrientation")
        if header.get("ImageOrientationPatient") is None and isinstance(words, Sequence) and len(words) == 2:
            rows, columns = (str(word).strip().upper() for word in words)
            if columns[:1] == "H" or rows[:1] in ("H", "F") or (rows[:1], columns[:1]) == ("R", "F"):
                found[f"{rows}\\{columns}"] = found.get(f"{rows}\\{columns}", 0) + 1
    count = sum(found.values())
    where = some(sorted(found), most=5)
    return [f"{count} image(s) with PatientOrientation {where}: not hung as usual, shown as stored"] if found else []
