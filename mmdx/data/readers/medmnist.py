"""MedMNIST v2 and its larger sizes (MedMNIST+): small images and volumes of 18 data sets in one format.

Yang et al., *MedMNIST v2*, Scientific Data 2023, 10:41 (arXiv 2110.14795). Layout: one `.npz` a data set with the
arrays `{train,val,test}_images`, `[n h w]`, `[n h w 3]` or `[n d h w]`, and `{train,val,test}_labels`, `[n 1]` a class
index or `[n k]` a 0 or 1 for each of k findings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmdx.data.files import listing
from mmdx.data.images.containers import ArrayFacts, array, array_facts, array_names
from mmdx.errors import DataError, did_you_mean
from mmdx.registry import READERS
from mmdx.study import SPLITS, ImageFiles, ImageRef, Order, Study

LICENCE = "CC-BY-4.0; of DermaMNIST CC-BY-NC-4.0"

MOST_CLASSES = 1000
_ORGANS = (
    *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver"),
    *("lung-left", "lung-right", "pancreas", "spleen"),
)
CLASSES: Mapping[str, tuple[str, ...]] = {
    "pathmnist": (
        *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa"),
        *("cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
    ),
    "chestmnist": (
        *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax"),
        *("consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia"),
    ),
    "dermamnist": (
        *("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions"),
        *("dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("0", "1", "2", "3", "4"),
    "breastmnist": ("malignant", "normal or benign"),
    "bloodmnist": (
        *("basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte"),
        *("neutrophil", "platelet"),
    ),
    "tissuemnist": (
        *("collecting duct, connecting tubule", "distal convoluted tubule", "glomerular endothelial cells"),
        *("interstitial endothelial cells", "leukocytes", "podocytes", "proximal tubule segments"),
        "thick ascending limb",
    ),
    "organamnist": _ORGANS,
    "organcmnist": _ORGANS,
    "organsmnist": _ORGANS,
    "organmnist3d": (  # in another order than the flat ones
        *("liver", "kidney-right", "kidney-left", "femur-right", "femur-left", "bladder", "heart"),
        *("lung-right", "lung-left", "spleen", "pancreas"),
    ),
    "nodulemnist3d": ("benign", "malignant"),
    "adrenalmnist3d": ("normal", "hyperplasia"),
    "fracturemnist3d": ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
    "vesselmnist3d": ("vessel", "aneurysm"),
    "synapsemnist3d": ("inhibitory synapse", "excitatory synapse"),
}
"""What the columns or the class indices of each data set mean, in the order of the release."""
_POSITIVE = {"breastmnist": 0}
"""Which of two classes is the finding: the second, but where the release calls health positive."""


@READERS("medmnist")
def read(root: Path) -> list[Study]:
    """A MedMNIST archive, or the folder that holds one: one study per image, or per volume with its slices in order.

    The official split is kept. There are no patients in these files: each image counts as one. Two classes are one
    finding (the disease), more are a group `class/NAME`; the columns of ChestMNIST are a finding each. An archive
    under another name gives class indices for names. Raises `DataError` where an array is missing or does not fit.
    """
    path = _archive(root)
    names = array_names(path)
    missing = [name for split in SPLITS for name in (f"{split}_images", f"{split}_labels") if name not in names]
    if missing:
        raise DataError([f"{path}: no array '{name}'; {did_you_mean(name, names)}" for name in missing])
    numbers = {split: _numbers(path, f"{split}_labels") for split in SPLITS}
    widths = {values.shape[1] for values in numbers.values()}
    if len(widths) > 1:
        raise DataError(f"{path}: labels of {' and '.join(map(str, sorted(widths)))} columns; fetch the file again")
    name = re.sub(r"_\d+$", "", path.stem.lower())
    several = widths.pop() > 1
    classes = _classes(path, name, list(numbers.values()), several=several)
    studies = []
    for split in SPLITS:
        facts = array_facts(path, f"{split}_images")
        if facts.count != len(numbers[split]):
            raise DataError(f"{path}: {facts.count} images in {split} and {len(numbers[split])} labels; fetch it again")
        for index, row in enumerate(numbers[split].tolist()):
            labels = _findings(row, classes) if several else _one_class(row[0], classes, _POSITIVE.get(name, 1))
            images = _images(path, f"{split}_images", index, facts)
            study = f"{split}/{index}"
            studies.append(Study(study, study, {"image": images}, labels, split=split, patient_known=False))
    return studies


def _archive(root: Path) -> Path:
    if root.is_file():
        return root
    archives = [path for path in listing(root, root)[0] if path.suffix.lower() == ".npz"]
    if len(archives) != 1:
        names = ", ".join(path.name for path in archives[:5]) or "none"
        raise DataError(f"{root}: expected one .npz, found {names}; name the file")
    return archives[0]


def _numbers(path: Path, key: str) -> np.ndarray:
    """Labels `[n k]`, whole numbers from 0."""
    values = array(path, key)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] == 0 or values.dtype.kind not in "buif":
        raise DataError(f"{path}, array '{key}': {values.dtype} of shape {values.shape}; labels are [n 1] or [n k]")
    wrong = np.argwhere((values < 0) | (values != np.floor(values)))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(f"{path}, array '{key}', row {row}: label {values[row, column]}; use whole numbers from 0")
    return values.astype(np.int64)


def _classes(path: Path, name: str, numbers: Sequence[np.ndarray], *, several: bool) -> tuple[str, ...]:
    """The names of the classes, or of the findings; indices where the data set is none of MedMNIST."""
    most = max((int(values.max()) for values in numbers if values.size), default=0)
    if several and most > 1:
        raise DataError(f"{path}: label {most} of a finding; where labels have several columns each is 0 or 1")
    needed = numbers[0].shape[1] if several else most + 1
    if needed > MOST_CLASSES:
        raise DataError(f"{path}: {needed} classes; expected {MOST_CLASSES} at most, counted from 0 without gaps")
    names = CLASSES.get(name)
    if names is None:
        return tuple(f"finding {index}" if several else str(index) for index in range(max(needed, 2)))
    if needed > len(names) or (several and needed != len(names)):
        raise DataError(f"{path}: {needed} classes, but {name} has {len(names)}; rename the file if it is another set")
    return names


def _findings(row: Sequence[int], names: Sequence[str]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, row, strict=True)}


def _one_class(index: int, names: Sequence[str], positive: int) -> dict[str, float]:
    if len(names) == 2:
        return {names[positive] if names != ("0", "1") else "class": float(index == positive)}
    return {f"class/{name}": float(index == place) for place, name in enumerate(names)}


def _images(path: Path, key: str, index: int, facts: ArrayFacts) -> ImageFiles:
    first = index * facts.slices
    refs = tuple(ImageRef(path, frame, key) for frame in range(first, first + facts.slices))
    return ImageFiles(refs, Order("given"), channels=facts.channels)
