"""One exam of one patient, still on disk and free of torch.

A *modality* is a named input of a study. The type of its value says its kind: `str` is text (kind `text`), all others
are a `ModalityFiles`: `ImageFiles` (kind `images`), `VectorFiles` (kind `vectors`), or a dataclass of a plugin. Any
modality may be absent from any study: then its name is missing from `Study.modalities`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

OrderSource = Literal["position", "instance", "filename", "given", "unknown"]
Unit = Literal["HU", "intensity"]
Split = Literal["train", "val", "test", "unused"]
"""What a study is for; `unused`: a training study that `data.train_patients` leaves out, neither learned nor scored."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")
SERIES_DIGEST = "series_digest"
"""The trait that tells one series under two studies: a digest of its SeriesInstanceUID, never the UID itself."""
TRUE_ODDS = "log_odds/"
"""How traits begin that give the answer of a made study away: the phantom's true log-odds."""
READING = "reading/"
"""How traits begin that say what one of several readers said, 1 or 0: `reading/READER/FINDING`."""
PATIENTS_UNKNOWN = "patients unknown: leaks cannot be seen"
"""What is said wherever somebody could take a split of studies for one of patients."""
UNKNOWN = math.nan
"""The label of a finding that nobody looked for; losses and metrics skip it."""


@dataclass(frozen=True)
class ImageRef:
    """One image: a file, and the frame in it (0-based; 0 for a single-frame file).

    In a file that holds several arrays or columns of images, `key` names the one that is meant.
    """

    path: Path
    frame: int = 0
    key: str = ""


@dataclass(frozen=True)
class Order:
    """The order certificate: on what evidence the slices of a modality stand in this order.

    `source`, from the strongest: `position` (ImagePositionPatient projected on the slice normal), `instance`
    (InstanceNumber), `filename` (natural order), `given` (listed by the user), `unknown`.
    `spacing_mm` is the median distance of neighbours along the normal, None without positions.
    `gaps` holds the 0-based index of each image *after* which at least one slice is missing; `duplicates` the index of
    each image that stands at the place (or carries the number) of the one before it.
    `agrees` tells whether the other sources at hand give the same order, up to reversal; None with one source alone.

    It also says how the images lie. `axes` are the sides of the patient, in letters of DICOM, to which rows and columns
    run as they are stored, of a volume all its three axes: what is not `LP`, `LF` or `PF` was turned to it for display.
    Empty where nobody knows; then images are shown as stored. `pixel_mm` is the side of a pixel of each image of a
    store in mm, None where its file does not say; empty before images are stored.
    """

    source: OrderSource
    spacing_mm: float | None = None
    gaps: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()
    agrees: bool | None = None
    axes: str = ""
    pixel_mm: tuple[float | None, ...] = ()


class ModalityFiles(ABC):
    """The files of one modality of a study, not read yet; a frozen dataclass inherits it.

    `kind` is a name of `mmdx.kinds.KINDS`. Each has a field `order`, the certificate of the items that the files hold,
    None where none of them comes first.
    """

    kind: ClassVar[str]
    order: Order | None

    @property
    @abstractmethod
    def paths(self) -> tuple[Path, ...]:
        """The files, in order; one that holds several items may stand several times."""

    @property
    def refs(self) -> tuple[ImageRef, ...]:
        """The same files, with the frame of each that is meant; frame 0 where a kind knows no frames."""
        return tuple(ImageRef(path) for path in self.paths)


@dataclass(frozen=True)
class ImageFiles(ModalityFiles):
    """The images of one modality, in the order that `order` certifies; no pixel is decoded yet.

    `unit` is `HU` for CT in Hounsfield units and `intensity` for everything else; `channels` is 1 (grey) or 3 (RGB).
    """

    kind: ClassVar[str] = "images"
    images: tuple[ImageRef, ...]
    order: Order  # pyright: ignore[reportIncompatibleVariableOverride]  (frozen: narrower is sound)
    unit: Unit = "intensity"
    channels: Literal[1, 3] = 1

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(image.path for image in self.images)

    @property
    def refs(self) -> tuple[ImageRef, ...]:
        return self.images


@dataclass(frozen=True)
class VectorFiles(ModalityFiles):
    """The descriptors of one modality: `.npy` files of `[n d]` or `[d]` floats, stacked in this order; `width` is d.

    Descriptors of slices carry the certificate of their `order`; those of tiles, of which none comes first, do not.
    """

    kind: ClassVar[str] = "vectors"
    files: tuple[Path, ...]
    width: int
    order: Order | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return self.files


Modality = ModalityFiles | str


def kind_name(value: Modality) -> str:
    """The kind of a modality, by its value: a name of `mmdx.kinds.KINDS`."""
    return "text" if isinstance(value, str) else value.kind


@dataclass(frozen=True)
class Box:
    """A lesion on one image of a modality: 0-based index of the image, corners in pixels of the source image.

    On descriptors, the image is the one that a descriptor is of. Continuous coordinates: (0, 0) is the outer corner of
    the first pixel, x to the right, y down, x0 < x1, y0 < y1.
    """

    modality: str
    image: int
    finding: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Column:
    """A column of a table: one trait, as the training studies have it.

    Without `words` it holds numbers, of this `mean` and `sd` over the studies that have one. With `words` it is a
    category, and `shares` says how often each is met among them. `gaps` tells whether a training study lacks it
    and has another column.
    """

    name: str
    mean: float = 0.0
    sd: float = 1.0
    words: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    gaps: bool = False


@dataclass(frozen=True)
class Terms:
    """The words and pairs of neighbouring words of the training reports, as ids of their tokens.

    `words` says how rare each token is, by id; 0 for a token that is no word. `pairs` are in ascending order, and
    `rarities` says how rare each of them is.
    """

    words: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    rarities: tuple[float, ...] = ()


@dataclass(frozen=True)
class Study:
    """One exam of one patient: what a reader returns.

    Labels are 1.0, 0.0 or NaN (nobody looked). `slice_labels[modality][finding]` has one value per image, or per
    descriptor, of that modality. `split` is the split that came with the data, None where none did. `traits` are facts
    about the study (age, sex, view, source; the phantom's true log-odds), no model input unless `data.tables` names
    them. `problems` names what was left out or looks wrong, a sentence each; a study with no modality at all is one
    that could not be read, and they say why. Without `patient_known`, nothing says whose the study is, and it counts as
    a patient of its own.
    """

    study_id: str
    patient_id: str
    modalities: Mapping[str, Modality]
    labels: Mapping[str, float] = field(default_factory=dict)
    slice_labels: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    split: Split | None = None
    traits: Mapping[str, str | float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    patient_known: bool = True


def is_fact(trait: str) -> bool:
    """Whether a trait is a fact of patient or scan, and neither the digest of a series nor a made study's true odds."""
    return trait != SERIES_DIGEST and not trait.startswith((TRUE_ODDS, READING))


def count_fact(modality: str) -> str:
    """What the number of a modality's items is called as a fact of a study."""
    return "number of images" if modality in ("image", "images") else f"number of items of {modality}"


def order_fact(modality: str) -> str:
    """What the evidence for the order of a modality's items is called as a fact of a study."""
    return f"order source of {modality}"


def text_fact(modality: str) -> str:
    """What it is called as a fact of a study that it has a text, or has none."""
    return f"having a {modality}"


def modality_of(fact: str, facts: Collection[str]) -> str | None:
    """The modality that one of the `facts` of a study is of; None where it is a trait.

    Runs of earlier versions call a count `number of Xs`; a trait may be called so too, and has no order beside it.
    """
    for start in (order_fact(""), text_fact(""), count_fact("")):
        if fact.startswith(start):
            return fact.removeprefix(start)
    counted = fact.removeprefix("number of ") if fact.startswith("number of ") else ""
    return next((name for name in (counted.removesuffix("s"), counted) if order_fact(name) in facts), None)


def groups_of(findings: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The findings of each group `GROUP/CLASS`, by the group's name, both in the order in which they stand.

    A finding is a class of the group that stands before its first `/`. A group has at least two classes: a lone name
    with a `/` in it is a finding like any other.
    """
    groups: dict[str, dict[str, None]] = {}
    for finding in findings:
        group, slash, name = finding.partition("/")
        if slash and group.strip() and name.strip():
            groups.setdefault(group, {})[finding] = None
    return {group: tuple(members) for group, members in groups.items() if len(members) > 1}
