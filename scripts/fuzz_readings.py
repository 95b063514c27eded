"""What other readers make of a file, and whether it is what mmdx makes of it."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
from fuzzing import Silent
from imagecodecs import png_decode, tiff_decode
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.uid import JPEGTransferSyntaxes

from mmdx.data.dicom.codecs import PIXELS
from mmdx.data.dicom.files import decode_frames, pixel_facts, read_header
from mmdx.data.files import decoded, unpacked
from mmdx.data.images.nifti import axial_slices, count_slices
from mmdx.data.images.plain import opened, plain_facts, upright
from mmdx.data.tables.tables import read_table

PHOTOMETRIC, ORIENTATION = 262, 274


def same_dicom(path: Path) -> None:
    """pydicom's own pixels, through its own tables and windows."""
    unit, _, count = pixel_facts(read_header(path))
    for frame in sorted({0, count // 2, count - 1}):
        ours = decode_frames(path, [frame])[0]
        with theirs("pydicom"):
            header = pydicom.dcmread(path)
            if not any(keyword in header for keyword in PIXELS):
                return  # where the file does not end as it should, pydicom hands over nothing, and does not say so
            if not header.get("NumberOfFrames", 1):
                del header.NumberOfFrames  # ours takes an empty number for one frame
            told = copy(header)
            if header.file_meta.TransferSyntaxUID in JPEGTransferSyntaxes and header.get("BitsAllocated") == 8:
                told.BitsStored = 8  # gdcm ends the process at fewer of them
            raw = pixel_array(told, index=frame)
            if header.get("Rows") is None:
                raise ValueError("no rows")
        differ(f"frame {frame}", ours, _pydicoms(header, raw, frame, unit), 1 if ours.dtype == np.uint8 else 1e-3)


def _pydicoms(header: pydicom.Dataset, raw: np.ndarray, frame: int, unit: str) -> np.ndarray:
    """As mmdx scales it; padding is not looked at."""
    padded = raw == header.get("PixelPaddingValue") if raw.ndim == 2 else np.zeros(raw.shape[:2], dtype=bool)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(raw, header)[..., :3].astype(float)
    if raw.ndim == 3:
        return raw * (255 / (2**header.BitsStored - 1))
    values = apply_modality_lut(raw, header).astype(float)
    values[padded] = np.nan
    if unit == "HU":
        return values
    bits = header.get("BitsStored", 16)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if header.get("PixelRepresentation") else (0, 2**bits - 1)
    slope, intercept = float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)
    if header.get("RescaleSlope") is None:
        intercept = 0.0  # as pydicom: one without the other is none
    ends = low * slope + intercept, high * slope + intercept
    if header.get("VOILUTSequence") or _window(header):
        seen = apply_voi_lut(apply_modality_lut(raw, header), header).astype(float)
    elif bits <= 8:
        seen = values
    else:
        return values
    shown = np.clip((seen - ends[0]) * (255 / (ends[1] - ends[0])), 0, 255)
    shown[padded] = np.nan
    return 255 - shown if header.PhotometricInterpretation == "MONOCHROME1" else shown


def _window(header: pydicom.Dataset) -> bool:
    """Whether there is a window that may be one."""
    try:
        first = [np.atleast_1d(header[keyword].value)[0] for keyword in ("WindowCenter", "WindowWidth")]
        return bool(np.isfinite([float(x) for x in first]).all() and float(first[1]) > 0)
    except Exception:  # whatever broken bytes make pydicom stumble over: no window
        return False


def same_nifti(path: Path) -> None:
    slices = [pixels for pixels, _ in axial_slices(path, range(count_slices(path)))]
    with theirs("nibabel"):
        volume = nibabel.as_closest_canonical(nibabel.load(path)).get_fdata(dtype=np.float32)
        volume = volume.reshape(volume.shape[:3])
    if volume.shape[2] != len(slices):
        raise Silent(f"{len(slices)} slices, not {volume.shape[2]}")
    for k, pixels in enumerate(slices):
        differ(f"slice {k}", pixels, volume[::-1, ::-1, k].T, 0)


def same_png(path: Path) -> None:
    with opened(path) as image:
        mode = image.mode
        ours = upright(path, image)
    with theirs("libpng"):
        other = png_decode(path.read_bytes())
    deep = other.dtype == np.uint16
    alpha = other.shape[2] in (2, 4) if other.ndim == 3 else False
    values = other.astype(float)
    if alpha:
        values = values[..., :-1] * (values[..., -1:] / (65535 if deep else 255))
    values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if ours.ndim == 2 and values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    differ(f"mode {mode}", ours, values, 1)


def same_tiff(path: Path) -> None:
    with opened(path) as image:
        for frame in plain_facts(image).frames:
            image.seek(frame)
            photometric = image.tag_v2.get(PHOTOMETRIC)
            turned = image.tag_v2.get(ORIENTATION, 1) != 1
            ours = upright(path, image)
            with theirs("libtiff"):
                other = tiff_decode(path.read_bytes(), index=frame)
            if photometric not in (0, 1, 2):
                continue
            other = other[..., 0] if other.ndim == 3 and other.shape[2] == 1 else other
            other = other[..., :3] if other.ndim == 3 else other
            bits = 8 * other.dtype.itemsize
            values = 2.0**bits - 1 - other if photometric == 0 and other.dtype.kind == "u" else other.astype(float)
            if turned:
                ours, values = np.sort(ours, axis=None), np.sort(values, axis=None)
            differ(f"page {frame}", ours, values, 0)


def same_zip(path: Path) -> None:
    with unpacked(path) as folder:
        ours = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with theirs("zipfile"), zipfile.ZipFile(path) as archive:
        other = {e.filename.replace("\\", "/"): archive.read(e) for e in archive.infolist() if not e.is_dir()}
    if ours != {"/".join(p for p in name.split("/") if p not in ("", ".")): c for name, c in other.items()}:
        raise Silent(f"unpacked {sorted(ours)}, not {sorted(other)}")


def same_csv(path: Path) -> None:
    rows = [dict(row.cells) for row in read_table(path).rows]
    with theirs("pandas"):
        encoding = "utf-16" if path.read_bytes()[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        other = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding, index_col=False)
    columns = {name: " ".join(str(name).split()) for name in other.columns}
    expected = other.rename(columns=columns).to_dict("records")
    expected = [{str(k): v for k, v in row.items() if not str(k).startswith("Unnamed")} for row in expected]
    kept = [row for row in expected if any(str(cell).strip() for cell in row.values())]
    if rows != kept:
        raise Silent(f"{next(((a, b) for a, b in zip(rows, kept, strict=False) if a != b), (len(rows), len(kept)))}")


def same_json(path: Path) -> None:
    rows = [dict(row.cells) for row in read_table(path).rows]
    with theirs("json"):
        lines = decoded(path.read_bytes()).split("\n")
        other = [json.loads(line) for line in lines if line.strip()]
    if repr(rows) != repr(other):  # NaN is none other than itself
        raise Silent(f"{next(((a, b) for a, b in zip(rows, other, strict=False) if a != b), (len(rows), len(other)))}")


@contextmanager
def theirs(name: str) -> Iterator[None]:
    """Another reader at work on what ours has taken."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MemoryError as error:
        raise MemoryError(f"in {name}, which ours is compared with") from error
    except Exception as error:
        raise Silent(f"{name} refuses it: {' '.join(str(error).split())[:200]}") from None


def differ(where: str, ours: np.ndarray, other: np.ndarray, most: float) -> None:
    """Raises `Silent` where two pictures differ by more than `most`; what is NaN in the other one is not looked at."""
    if ours.shape != other.shape:
        raise Silent(f"{where}: {ours.shape}, not {other.shape}")
    apart = np.nan_to_num(np.abs(ours.astype(float) - other.astype(float)), posinf=0)
    near = apart <= most + 1e-6 * np.nan_to_num(np.abs(other.astype(float)), posinf=0)
    if not near.all():
        raise Silent(f"{where}: {int((~near).sum())} of {near.size} pixels differ, by up to {apart.max():g}")


READINGS: dict[str, Callable[[Path], None]] = {
    **{"dicom": same_dicom, "nifti": same_nifti, "png": same_png, "tiff": same_tiff},
    **{"zip": same_zip, "csv": same_csv, "json": same_json},
}
