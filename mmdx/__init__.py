"""Medical images read together with their clinical reports: from raw files to a claim that stands up to review.

`import mmdx` loads no other library: each public name is imported when it is first asked for. `docs/api.md` shows all
of them at work; `__init__.pyi` has their types.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# OpenMP reads this once, when torch loads it. Threads that spin while they wait, its default, take the cores from each
# other as soon as anything else runs on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
PUBLIC = {
    **dict.fromkeys(("read", "prepare", "audit"), "mmdx.api.data"),
    **dict.fromkeys(("plan", "config", "train", "load", "ensemble", "evaluate", "ablate"), "mmdx.api.models"),
    **dict.fromkeys(("compare", "doubtful", "power"), "mmdx.api.claims"),
    "inputs": "mmdx.api.inputs",
    "explanations": "mmdx.api.explanations",
    **dict.fromkeys(("push", "export"), "mmdx.api.sharing"),
    "Run": "mmdx.api.run",
    "Audit": "mmdx.data.audit.audit",
    "Store": "mmdx.data.store.store",
    "as_torch": "mmdx.data.loading.dataset",
    "Study": "mmdx.study",
    "Config": "mmdx.schema",
    "SecondCohort": "mmdx.engine.experiments.external.second",
    "Planned": "mmdx.engine.planning.planned",
    "Model": "mmdx.engine.inference.model",
    **dict.fromkeys(("Prediction", "Predictions"), "mmdx.engine.inference.prediction"),
    **dict.fromkeys(("Explanation", "Explanations"), "mmdx.engine.inference.explanation"),
    "Comparison": "mmdx.stats.comparison.compare",
    "Evidence": "mmdx.stats.evidence",
    "Power": "mmdx.stats.power",
    **dict.fromkeys(("MmdxError", "DataError", "UsageError"), "mmdx.errors"),
    "plot": "mmdx",
    "KINDS": "mmdx.kinds",
    "STORED": "mmdx.data.store.kinds",
    **dict.fromkeys(
        (
            *("READERS", "BRANCHES", "IMAGE_VIEWS", "IMAGE_ENCODERS", "SEQUENCES", "VECTOR_ENCODERS", "SELECTORS"),
            *("TEXT_ENCODERS", "TABLE_ENCODERS", "FUSIONS", "LOSSES", "HEADS", "INSTANCE_POOLINGS", "FINALS"),
        ),
        "mmdx.registry",
    ),
}
"""Where each public name stands."""
__all__ = [*PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'mmdx' has no attribute '{name}'")
    if PUBLIC[name] == __name__:  # a module
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
