"""The user's own modules, each of which registers parts."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from mmdx.errors import UsageError


def import_plugins(names: Sequence[str]) -> None:
    """Imports the modules in this order. Raises `UsageError` where one has no import."""
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UsageError(f"plugins: '{name}' is no name of a module; name one, such as my_parts")
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UsageError(
                f"plugins: '{name}' cannot be imported ({error}); is it installed or on PYTHONPATH?"
            ) from None
