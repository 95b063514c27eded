"""What is known of a cohort before anything is prepared: patients, labels, modalities, and a sample of its pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import isnan, nan
from pathlib import Path
from statistics import median
from typing import Any

from mmdx.data.store.stacks import difference
from mmdx.engine.planning.facts.pixels import Pixels, sampled_pixels
from mmdx.engine.planning.facts.reports import Reports, described_reports
from mmdx.errors import DataError
from mmdx.kinds import IMAGES, TEXT, VECTORS
from mmdx.study import ImageFiles, Split, Study, VectorFiles, is_fact, kind_name

ORDERED = ("position", "instance", "filename")
"""Sources of an order that say how slices lie; `given` and `unknown` ones may stand for views or visits."""


@dataclass(frozen=True)
class Items:
    """The images, or descriptors, of one modality.

    `studies` have it, with `total` items together, `middle` in the median study and `longest` in the longest. `ordered`
    is the share of these studies, of those with several items, whose order is known from headers or names.
    """

    studies: int
    total: int
    middle: int
    longest: int
    ordered: float

    @property
    def mean(self) -> int:
        """Items of a study on average, rounded up."""
        return -(-self.total // self.studies)


@dataclass(frozen=True)
class Pictures(Items):
    """Images of one modality: their `unit`, their `channels`, and what a sample of their `pixels` shows."""

    unit: str
    channels: int
    pixels: Pixels


@dataclass(frozen=True)
class Vectors(Items):
    """Descriptors of one modality, each of `width` values."""

    width: int


@dataclass(frozen=True)
class Label:
    """Patients that are `positive` for a finding, and those `negative`; `taught` and `denied` of them may train.

    `studies` have a label of the finding themselves; where none has, its slices alone are labelled.
    """

    positive: int
    negative: int
    taught: int
    denied: int
    studies: int

    @property
    def rarer(self) -> int:
        """Patients to train on of the class that has fewer."""
        return min(self.taught, self.denied)


@dataclass(frozen=True)
class Cohort:
    """What a reader finds in a source.

    `studies` can be read, `refused` cannot. `labels` has every finding. `slice_labels` counts the images that are
    positive by modality and finding, `boxes` the patients with a box by modality and finding. `splits` counts the
    patients of each split that came with the data. `aligned` are pairs of image modalities that show the same slices
    wherever a study has both. `other` are modalities of kinds that a plan does not know.
    """

    reader: str
    options: Mapping[str, Any]
    source: Path
    studies: int
    refused: int
    patients: int
    labels: Mapping[str, Label]
    pictures: Mapping[str, Pictures] = field(default_factory=dict)
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    reports: Mapping[str, Reports] = field(default_factory=dict)
    slice_labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    boxes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    splits: Mapping[Split, int] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    aligned: tuple[tuple[str, str], ...] = ()
    other: tuple[str, ...] = ()


def cohort_of(studies: Sequence[Study], reader: str, options: Mapping[str, Any], source: Path) -> Cohort:
    """What `reader` found in `source`. A few images of each modality are decoded.

    Raises `DataError` where no study can be read.
    """
    readable = [study for study in studies if study.modalities]
    if not readable:
        raise DataError(f"{source}: reader '{reader}' found no study that can be read; mmdx inspect says why")
    names = list(dict.fromkeys(name for study in readable for name in study.modalities))
    kinds = {name: _kind(readable, name) for name in names}
    pictures = {name: _pictures(readable, name) for name in names if kinds[name] == IMAGES.name}
    return Cohort(
        reader=reader,
        options=options,
        source=source,
        studies=len(readable),
        refused=len(studies) - len(readable),
        patients=len({study.patient_id for study in readable}),
        labels=_labels(readable),
        pictures=pictures,
        vectors={name: _vectors(readable, name) for name in names if kinds[name] == VECTORS.name},
        reports={name: described_reports(name, readable) for name in names if kinds[name] == TEXT.name},
        slice_labels=_slice_labels(readable),
        boxes=_boxes(readable),
        splits=_splits(readable),
        traits=tuple(dict.fromkeys(trait for study in readable for trait in study.traits if is_fact(trait))),
        aligned=tuple(pair for pair in combinations(pictures, 2) if _aligned(readable, pair)),
        other=tuple(name for name in names if kinds[name] not in (IMAGES.name, VECTORS.name, TEXT.name)),
    )


def _splits(studies: Sequence[Study]) -> Mapping[Split, int]:
    """How many patients came in which split."""
    of_patient: dict[str, Split] = {study.patient_id: study.split for study in studies if study.split}
    return Counter(of_patient.values())


def _kind(studies: Sequence[Study], name: str) -> str:
    """The kind that most studies have of a modality, which is the one that a store keeps."""
    return Counter(kind_name(study.modalities[name]) for study in studies if name in study.modalities).most_common()[0][
        0
    ]


def _files(studies: Sequence[Study], name: str) -> list[ImageFiles | VectorFiles]:
    values = (study.modalities.get(name) for study in studies)
    return [value for value in values if isinstance(value, ImageFiles | VectorFiles)]


def _items(counts: Sequence[int], several: Sequence[bool]) -> dict[str, Any]:
    """The fields of `Items`: items by study, and for each study with several of them whether their order is known."""
    return {
        "studies": len(counts),
        "total": sum(counts),
        "middle": round(median(counts)),
        "longest": max(counts),
        "ordered": sum(several) / len(several) if several else 0.0,
    }


def _pictures(studies: Sequence[Study], name: str) -> Pictures:
    files = [value for value in _files(studies, name) if isinstance(value, ImageFiles)]
    units = Counter(value.unit for value in files)
    unit = units.most_common()[0][0]
    alike = [value for value in files if value.unit == unit]
    counts = [len(value.images) for value in alike]
    known = [value.order.source in ORDERED for value in alike if len(value.images) > 1]
    channels = max(value.channels for value in alike)
    return Pictures(**_items(counts, known), unit=unit, channels=channels, pixels=sampled_pixels(alike))


def _vectors(studies: Sequence[Study], name: str) -> Vectors:
    files = [value for value in _files(studies, name) if isinstance(value, VectorFiles)]
    widths = Counter(value.width for value in files)
    counts = [max(1, len(value.files)) for value in files]
    known = [value.order is not None and value.order.source in ORDERED for value in files]
    return Vectors(**_items(counts, known), width=widths.most_common()[0][0])


def _labels(studies: Sequence[Study]) -> dict[str, Label]:
    """Patients by finding and class; a patient is positive where any study is, and to train on where no split says
    otherwise. A study without a label of its own is as its slices are."""
    positive: dict[str, set[str]] = {}
    labelled: dict[str, set[str]] = {}
    answers: Counter[str] = Counter()
    for study in studies:
        for finding, value in _study_labels(study).items():
            positive.setdefault(finding, set()).update({study.patient_id} if value == 1 else ())
            labelled.setdefault(finding, set()).update({study.patient_id} if not isnan(value) else ())
            answers[finding] += not isnan(study.labels.get(finding, nan))
    held = {study.patient_id for study in studies if study.split in ("val", "test")}
    return {
        finding: Label(
            positive=len(patients),
            negative=len(labelled[finding] - patients),
            taught=len(patients - held),
            denied=len(labelled[finding] - patients - held),
            studies=answers[finding],
        )
        for finding, patients in positive.items()
    }


def _study_labels(study: Study) -> dict[str, float]:
    """The labels of a study, and where it has none those that its slices tell: positive where one of them is."""
    labels = dict(study.labels)
    for of_modality in study.slice_labels.values():
        for finding, values in of_modality.items():
            told = [value for value in values if not isnan(value)]
            if isnan(labels.get(finding, nan)):
                labels[finding] = max(told, default=nan)
    return labels


def _slice_labels(studies: Sequence[Study]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for study in studies:
        for name, labels in study.slice_labels.items():
            for finding, values in labels.items():
                of_modality = counts.setdefault(name, {})
                of_modality[finding] = of_modality.get(finding, 0) + sum(value == 1 for value in values)
    return counts


def _boxes(studies: Sequence[Study]) -> dict[str, dict[str, int]]:
    patients: dict[str, dict[str, set[str]]] = {}
    for study in studies:
        for box in study.boxes:
            patients.setdefault(box.modality, {}).setdefault(box.finding, set()).add(study.patient_id)
    return {name: {finding: len(ids) for finding, ids in counts.items()} for name, counts in patients.items()}


def _aligned(studies: Iterable[Study], pair: tuple[str, str]) -> bool:
    """Whether both modalities show the same slices wherever a study has both, by counts and order certificates, and
    hold grey images of one unit."""
    both = 0
    for study in studies:
        files = {name: study.modalities.get(name) for name in pair}
        images = {name: value for name, value in files.items() if isinstance(value, ImageFiles)}
        if len(images) < len(pair):
            continue
        both += 1
        orders = {
            name: {"source": value.order.source, "spacing_mm": value.order.spacing_mm, "gaps": value.order.gaps}
            for name, value in images.items()
        }
        alike = len({(value.unit, value.channels) for value in images.values()}) == 1
        grey = all(value.channels == 1 and value.order.source in ORDERED for value in images.values())
        if not (alike and grey) or difference({name: len(v.images) for name, v in images.items()}, orders) is not None:
            return False
    return both > 0
