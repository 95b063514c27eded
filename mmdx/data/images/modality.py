"""Files become one image modality of a study: what is an image, which series, in which order.

A modality holds one series. What is kept out (a scout, another series, a stray file) is named, never merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pydicom

from mmdx.data.dicom.files import is_dicom, read_header
from mmdx.data.dicom.runs import moments_said, one_run
from mmdx.data.dicom.series import MOSAIC, SourceImage, choose_series, is_mosaic
from mmdx.data.files import listing
from mmdx.data.images.decode import probe, scale_problems
from mmdx.data.images.suffixes import PLAIN_SUFFIXES, is_nifti
from mmdx.data.order.certificate import certify_dicom, certify_filenames
from mmdx.data.order.display import oddly_hung
from mmdx.data.order.pixel_size import pixel_size_of, size_problems
from mmdx.data.privacy.privacy import burned_in
from mmdx.data.quiet import quiet
from mmdx.errors import DataError, some
from mmdx.study import ImageFiles, ImageRef, Order, Unit

_FIRST_BYTES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8")
_VIEWS = ("CR", "DX", "RG", "MG", "IO", "PX", "XC", "GM", "OP", "ES", "US")
"""DICOM modalities whose images are views and no slices: each may be a series of its own, and all are kept."""


def is_image(path: Path) -> bool:
    """Whether the file is meant to be an image: by its suffix, as DICOM, or, where its name ends in no word, by its
    first bytes. Raises `DataError` if unreadable."""
    return path.suffix.lower() in PLAIN_SUFFIXES or is_nifti(path) or is_dicom(path) or _begins_as_image(path)


def _begins_as_image(path: Path) -> bool:
    if path.suffix[1:].isalpha():
        return False
    with path.open("rb") as file:
        return file.read(8).startswith(_FIRST_BYTES)


@quiet()
def images_in(folder: Path, root: Path) -> tuple[ImageFiles, tuple[str, ...]]:
    """The images right inside `folder` in certified order, and what was left out or looks wrong.

    A folder with DICOM files keeps no other images, one with a NIfTI volume no plain ones. `dicom/series.py` chooses
    among several series of slices; views (chest x-rays, photographs) are all kept. Raises `DataError` where there is no
    image, where one cannot be read, for a second volume, or where a link leaves `root`.
    """
    files, _ = listing(folder, root)
    dicoms = [path for path in files if is_dicom(path)]
    volumes = [] if dicoms else [path for path in files if is_nifti(path)]
    images = dicoms or volumes or [path for path in files if is_image(path)]
    chosen = set(images)
    strays = [path for path in files if path not in chosen]
    kind = "DICOM file" if dicoms else "volume" if volumes else "image"
    problems = [f"left out {some([path.name for path in strays], most=5)}: no {kind}"] if strays else []
    if not images:
        raise DataError(f"{folder}: holds no image; put the images right inside it or correct the name")
    if volumes:
        files, more = _volume(volumes)
        return files, (*problems, *more)
    if not dicoms:
        files, more = _plain(images)
        return files, (*problems, *more)
    headers = [(path, read_header(path)) for path in dicoms]
    pictures = [(path, header) for path, header in headers if "Rows" in header]
    empty = [path for path, header in headers if "Rows" not in header]
    if empty:
        problems.append(f"left out {some([path.name for path in empty], most=5)}: DICOM objects without an image")
    if pictures and _are_views(pictures):
        problems += [*oddly_hung([header for _, header in pictures]), *burned_in([header for _, header in pictures])]
        files, more = _plain([path for path, _ in pictures])
        return files, (*problems, *more)
    chosen, more = choose_series([SourceImage.of(path, header) for path, header in pictures])
    if chosen is None:
        raise DataError([f"{folder}: its DICOM files hold no image to use", *problems, *more])
    return chosen, (*problems, *more)


@quiet()
def images_listed(paths: Sequence[Path]) -> tuple[ImageFiles, tuple[str, ...]]:
    """The images of a list in its order, and what looks wrong.

    Slices of one DICOM series with positions stand by these instead, and a list that disagrees is named; those of a
    NIfTI volume, which must stand alone, by its own. Raises `DataError` where an image cannot be read.
    """
    if any(is_nifti(path) for path in paths):
        return _volume(paths)
    as_listed, found = _with_facts(paths, Order("given"))
    twice = tuple(i for i, (a, b) in enumerate(pairwise(as_listed.images), start=1) if a == b)
    as_listed = replace(as_listed, order=Order("given", duplicates=twice))
    if not all(is_dicom(path) for path in paths):
        return as_listed, found
    headers = [(path, read_header(path)) for path in paths]
    found = (*[said for look in (oddly_hung, burned_in) for said in look([header for _, header in headers])], *found)
    if mosaics := [path for path, header in headers if is_mosaic(header)]:
        raise DataError(f"{mosaics[0]}: {MOSAIC}")
    if _are_views(headers) or len(set(paths)) < len(paths):
        return as_listed, found
    header_of = dict(headers)
    sizes = size_problems(pixel_size_of(header_of[ref.path], ref.frame) for ref in as_listed.images)
    series = {str(header.get("SeriesInstanceUID")) for _, header in headers}
    if len(series) > 1:
        return as_listed, (*found, f"the listed files are of {len(series)} series; kept as listed", *sizes)
    as_listed, more = _one_run(as_listed, header_of)
    found = (*found, *more)
    refs, order, problems = certify_dicom([(ref, header_of[ref.path]) for ref in as_listed.images])
    if order.source != "position" and len(paths) > 1:
        return replace(as_listed, order=replace(as_listed.order, axes=order.axes)), (*found, *sizes)
    if refs not in (as_listed.images, as_listed.images[::-1]):
        problems = (*problems, "the listed order disagrees with the positions, which decide")
    return replace(as_listed, images=refs, order=order), (*found, *problems)


def _one_run(files: ImageFiles, headers: Mapping[Path, pydicom.Dataset]) -> tuple[ImageFiles, list[str]]:
    """The frames of one run, and a sentence on the others, where listed files hold several: nobody listed each."""
    if len(files.images) == len(set(files.paths)):
        return files, []
    kept, by = one_run([(ref, headers[ref.path]) for ref in files.images])
    run, out = tuple(files.images[i] for i in kept), len(files.images) - len(kept)
    problems = [f"kept out {out} image(s): another acquisition at the same positions, by {by}"] if out else []
    return replace(files, images=run), problems + moments_said([(ref, headers[ref.path]) for ref in run])


def _volume(paths: Sequence[Path]) -> tuple[ImageFiles, tuple[str, ...]]:
    """The axial slices of a NIfTI volume, and what looks wrong."""
    if len(paths) > 1:
        raise DataError(
            f"{paths[0]}: a volume is a modality by itself, but {len(paths)} files stand under one name "
            f"({some([path.name for path in paths], most=5)}); give each volume its own, such as "
            "t1_file_name and flair_file_name"
        )
    from mmdx.data.images.nifti import certify_volume  # imported here: nibabel is slow to import

    refs, order, problems = certify_volume(paths[0])
    return ImageFiles(refs, order), problems


def _plain(paths: Sequence[Path]) -> tuple[ImageFiles, tuple[str, ...]]:
    """Plain images by name, and what looks wrong; the pages of a file stand together, in their order in it."""
    refs, order = certify_filenames(paths)
    files, problems = _with_facts([ref.path for ref in refs], order)
    if len(files.images) == len(refs):
        return files, problems
    if len(refs) == 1:
        return replace(files, order=Order("given")), problems
    last = {ref.path: index for index, ref in enumerate(files.images)}
    first = {ref.path: index for index, ref in reversed(list(enumerate(files.images)))}
    order = Order(
        order.source,
        gaps=tuple(last[refs[i].path] for i in order.gaps),
        duplicates=tuple(first[refs[i].path] for i in order.duplicates),
    )
    return replace(files, order=order), problems


def _with_facts(paths: Sequence[Path], order: Order) -> tuple[ImageFiles, tuple[str, ...]]:
    """The frames of `paths` in that order; colour where one is, one unit for all; and what looks wrong."""
    facts = [probe(path) for path in paths]
    unit = _one_unit([(path, one.unit) for path, one in zip(paths, facts, strict=True)])
    refs = tuple(ImageRef(path, i) for path, one in zip(paths, facts, strict=True) for i in one.frames)
    left_out = [f"{path.name}: {one.left_out}" for path, one in zip(paths, facts, strict=True) if one.left_out]
    files = ImageFiles(refs, order, unit, 3 if any(one.channels == 3 for one in facts) else 1)
    return files, (*left_out, *scale_problems(facts))


def _are_views(headers: Sequence[tuple[Path, pydicom.Dataset]]) -> bool:
    return all(header.get("Modality") in _VIEWS for _, header in headers)


def _one_unit(units: Sequence[tuple[Path, Unit]]) -> Unit:
    by_unit = {unit: path for path, unit in units}
    if len(by_unit) > 1:
        named = " and ".join(f"{unit} ({path.name})" for unit, path in sorted(by_unit.items()))
        raise DataError(f"images in different units under one modality: {named}; give them two names")
    return units[0][1]
