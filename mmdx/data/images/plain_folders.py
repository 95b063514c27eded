"""Studies of plain folders, of which nothing but the folders says what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmdx.data.files import listing
from mmdx.data.images.modality import PLAIN_SUFFIXES, images_in, images_listed, is_image
from mmdx.data.images.nifti import SUFFIXES as VOLUME_SUFFIXES
from mmdx.errors import DataError
from mmdx.study import Study

_SUFFIXES = (*PLAIN_SUFFIXES, ".dcm", ".dicom", *VOLUME_SUFFIXES)


def stem(name: str) -> str:
    """A file name without folders and without the suffix of an image."""
    last = Path(name).name
    suffix = next((suffix for suffix in _SUFFIXES if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)] or last


def studies_in_folders(root: Path, modality: str, tables: Sequence[str]) -> list[Study]:
    """The studies under `root` by its folders, where no table says more; `tables` are the names that one would have.

    Raises `DataError` where there is no image, and where a table stands in a folder below.
    """
    leaves = _leaves(root, root, tables)
    if not leaves:
        raise DataError(f"{root}: no image in it and no {' or '.join(tables)}; is it the right folder?")
    if leaves == [root]:
        name = root.resolve().name
        return [plain_study(name, name, root, root, modality)]
    studies = []
    inner = [leaf.relative_to(root) for leaf in leaves if leaf != root]
    if root in leaves:
        files = [path for path in listing(root, root)[0] if is_image(path)]
        taken = [stem(path.name) for path in files] + [leaf.as_posix() for leaf in inner]
        for path in files:
            name = stem(path.name) if taken.count(stem(path.name)) == 1 else path.name
            studies.append(plain_study(name, name, path, root, modality))
    for leaf in inner:
        studies.append(plain_study(leaf.as_posix(), leaf.parts[0], root / leaf, root, modality))
    return studies


def _leaves(folder: Path, root: Path, tables: Sequence[str]) -> list[Path]:
    """`folder` and all below it that directly hold images, outermost first."""
    files, folders = listing(folder, root)
    table = next((path for path in files if path.name in tables), None)
    if table is not None:
        raise DataError(f"{table}: the table stands below {root}; read its own folder, or move it up")
    leaves = [folder] if any(is_image(path) for path in files) else []
    return leaves + [leaf for inner in folders for leaf in _leaves(inner, root, tables)]


def plain_study(study_id: str, patient_id: str, path: Path, root: Path, modality: str) -> Study:
    """One study of the image or folder of images at `path`, without modalities where that cannot be read."""
    try:
        images, problems = images_in(path, root) if path.is_dir() else images_listed([path])
    except DataError as error:
        return Study(study_id, patient_id, {}, problems=error.problems)
    return Study(study_id, patient_id, {modality: images}, problems=problems)
