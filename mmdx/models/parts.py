"""Registers every part of a model: a new part is a new file in the package of its kind, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil

import mmdx.models


def register_model_parts() -> None:
    """Imports every module of this room, each of which registers its parts."""
    for module in pkgutil.walk_packages(mmdx.models.__path__, f"{mmdx.models.__name__}."):
        importlib.import_module(module.name)
