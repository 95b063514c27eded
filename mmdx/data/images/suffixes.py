"""Which files are images by their names; no library that reads one is imported for that."""

from __future__ import annotations

from pathlib import Path

PLAIN_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
VOLUME_SUFFIXES = (".nii", ".nii.gz")
"""Of NIfTI."""


def is_nifti(path: Path) -> bool:
    """Whether the file is meant to be a NIfTI volume."""
    return path.name.lower().endswith(VOLUME_SUFFIXES)
