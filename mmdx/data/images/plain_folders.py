"""Studies of plain folders, of which nothing but the folders says what belongs together."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmdx.data.files import listing
from mmdx.data.images.modality import images_in, images_listed, is_image
from mmdx.data.images.suffixes import PLAIN_SUFFIXES, VOLUME_SUFFIXES
from mmdx.errors import DataError, some
from mmdx.study import ImageFiles, Study

log = logging.getLogger(__name__)

_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".parquet")
_SUFFIXES = (*PLAIN_SUFFIXES, ".dcm", ".dicom", *VOLUME_SUFFIXES)


def stem(name: str) -> str:
    """A file name without folders and without the suffix of an image."""
    last = Path(name).name
    suffix = next((suffix for suffix in _SUFFIXES if last.lower().endswith(suffix)), "")
    return last[: len(last) - len(suffix)] or last


def studies_in_folders(root: Path, modality: str, tables: Sequence[str], *, each_image: bool = False) -> list[Study]:
    """The studies under `root` by its folders, where no table says more; `tables` are the names that one would have.

    With `each_image`, every image is a study of its own. The log says where a table of another name is not read, and
    where many images make one study. Raises `DataError` where there is no image, and where a table stands below.
    """
    leaves = _leaves(root, tables)
    if not leaves:
        raise DataError(f"{root}: no image in it and no {' or '.join(tables)}; is it the right folder?")
    _say_unread(root, tables)
    if each_image:
        images = [path for leaf in leaves for path in listing(leaf, root)[0] if is_image(path)]
        return [_unknown(path.relative_to(root).as_posix(), path, root, modality) for path in images]
    if leaves == [root]:
        studies = [_unknown(root.resolve().name, root, root, modality)]
    else:
        studies = _lone_images(root, leaves, modality)
        for leaf in (leaf.relative_to(root) for leaf in leaves if leaf != root):
            # A folder within that of a patient says whose it is; one that stands alone may be anything.
            study = plain_study(leaf.as_posix(), leaf.parts[0], root / leaf, root, modality)
            studies.append(replace(study, patient_known=len(leaf.parts) > 1))
    _say_single(root, studies, tables)
    return studies


def _lone_images(root: Path, leaves: Sequence[Path], modality: str) -> list[Study]:
    """The images that stand beside folders of images, each a study called like it as far as that tells them apart."""
    files = [path for path in listing(root, root)[0] if is_image(path)] if root in leaves else []
    taken = Counter(stem(path.name) for path in files)
    taken.update(leaf.relative_to(root).as_posix() for leaf in leaves if leaf != root)
    names = [stem(path.name) if taken[stem(path.name)] == 1 else path.name for path in files]
    return [_unknown(name, path, root, modality) for name, path in zip(names, files, strict=True)]


def _unknown(name: str, path: Path, root: Path, modality: str) -> Study:
    """A study of a patient of whom nobody told."""
    return replace(plain_study(name, name, path, root, modality), patient_known=False)


def _say_unread(root: Path, tables: Sequence[str]) -> None:
    names = [path.name for path in listing(root, root)[0] if path.suffix.lower() in _TABLES]
    if names:
        log.warning(
            "%s: %s not read; a table of studies is called %s, or named: table=FILE",
            root,
            some(names),
            " or ".join(tables),
        )


def _say_single(root: Path, studies: Sequence[Study], tables: Sequence[str]) -> None:
    """Says that many images, which may be slices or anything, were taken for one study."""
    (images, *_), count = [*studies[0].modalities.values(), None], len(studies)
    if count > 1 or not isinstance(images, ImageFiles):
        return
    files = dict.fromkeys(images.paths)
    if len(files) > 1 and all(path.suffix.lower() in PLAIN_SUFFIXES for path in files):
        log.warning(
            "%s: its %d images were read as slices of one study of one patient; if each is a study, give each a folder "
            "of its own, list them in %s, one row per study, or read them with study=image",
            *(root, len(files), tables[-1]),
        )


def _leaves(root: Path, tables: Sequence[str]) -> list[Path]:
    """`root` and all folders below it that directly hold images, each before those within it."""
    leaves, waiting = [], [root]
    while waiting:
        folder = waiting.pop()
        files, folders = listing(folder, root)
        table = next((path for path in files if path.name in tables), None)
        if table is not None:
            raise DataError(f"{table}: the table stands below {root}; read its own folder, or move it up")
        if any(is_image(path) for path in files):
            leaves.append(folder)
        waiting += reversed(folders)
    return leaves


def plain_study(study_id: str, patient_id: str, path: Path, root: Path, modality: str) -> Study:
    """One study of the image or folder of images at `path`, without modalities where that cannot be read."""
    try:
        images, problems = images_in(path, root) if path.is_dir() else images_listed([path])
    except DataError as error:
        return Study(study_id, patient_id, {}, problems=error.problems)
    return Study(study_id, patient_id, {modality: images}, problems=problems)
