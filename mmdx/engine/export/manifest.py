"""`manifest.json` of an exported model: all that somebody must know who feeds it without mmdx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from mmdx import __version__
from mmdx.data.images.decode import HU_RANGE, PERCENTILES
from mmdx.data.text.redaction import MASK
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.export.feeds import Feed
from mmdx.engine.export.lone import LOGITS
from mmdx.kinds import KINDS
from mmdx.models.heads.base import FindingsHead, Head

FORMAT = 1
TOKENIZERS = "tokenizers"
"""The folder of an exported model with one folder per text."""
_STUDY = "an exam of one patient; every graph takes one at a time"
_MARGIN = {"HU": HU_RANGE[0], "intensity": 0}


def manifest(
    saved: SavedModel, feeds: Sequence[Feed], thresholds: Mapping[str, Mapping[str, float]], opset: int
) -> dict[str, Any]:
    """The content of the file. `thresholds` are those that validation studies choose, by what is shown."""
    model = saved.model
    return {
        "format": FORMAT,
        "made_with": {"mmdx": __version__, "torch": version("torch"), "onnx_opset": opset},
        "use": "research; not a medical device",
        "study": _STUDY,
        "findings": list(saved.facts.findings),
        "inputs": [_fed(saved, feed, feeds) for feed in feeds],
        "always_absent": [name for name in saved.facts.inputs if name not in {feed.input for feed in feeds}],
        "inside_the_graph": {
            feed.name: _inside(saved, feed.name)
            for feed in feeds
            if feed.input == feed.name and KINDS[saved.facts.inputs[feed.name].kind].pictured
        },
        "outputs": [out for name, head in model.answering.items() for out in _outputs(saved, name, head)],
        "stack": None if model.stack is None else {"head": model.stack.head, "inside_the_graph": True},
        "thresholds": {shown: dict(values) for shown, values in thresholds.items()},
    }


def _fed(saved: SavedModel, feed: Feed, feeds: Sequence[Feed]) -> dict[str, Any]:
    told: dict[str, Any] = {"name": feed.name, "dtype": str(feed.blank.dtype).removeprefix("torch.")}
    told["shape"] = feed.shape
    if feed.input is None:
        of = [other.name for other in feeds if other.input == other.name]
        return told | {"of": of, "meaning": "which inputs the study has; at least one"}
    facts = saved.facts.inputs[feed.input]
    told |= {
        "kind": facts.kind,
        "when_absent": f"{feed.name} of one item: all {'NaN' if feed.blank.isnan().any() else 0}",
    }
    if feed.name != feed.input:
        meaning = "where each image stands, in mm along the normal from the first; NaN for all where it is not known"
        return told | {"meaning": meaning}
    if KINDS[facts.kind].pictured:
        return told | _images(saved, feed.input)
    return told | (_text(saved, feed.input) if KINDS[facts.kind].worded else _table(saved, feed.input))


def _images(saved: SavedModel, name: str) -> dict[str, Any]:
    facts, data = saved.facts.inputs[name], saved.config.data
    size, margin = saved.facts.size, _MARGIN[facts.unit]
    values = f"Hounsfield units, clipped to {HU_RANGE[0]}..{HU_RANGE[1]} before and rounded after scaling"
    grey = "0..255; of deeper images the {:g}th to {:g}th percentile over the study, linearly".format(*PERCENTILES)
    return {
        "unit": facts.unit,
        "channels": data.stacks.get(name) or ("grey" if facts.channels == 1 else "red, green, blue"),
        "values": values if facts.unit == "HU" else grey,
        "scaling": f"longer side to {size}, by Pillow's BILINEAR (antialiased), square pixels, in the middle of "
        f"{size} x {size}; margins are {margin}; an odd pixel more lies to the right, or below",
        "order": {"certified": "along the normal, the first first", "reversed": "against the normal, the last first"}[
            data.order
        ],
        "most_images": data.max_images,
        "of_more": None if data.max_images is None else "image (2 i + 1) * n // (2 most) for i = 0 .. most - 1",
    }


def _text(saved: SavedModel, name: str) -> dict[str, Any]:
    tokenizer, reports = saved.tokenizers[name], saved.config.data.reports
    kept = {
        "ends": "of more tokens the first max_tokens - max_tokens // 2 and the last max_tokens // 2",
        "start": "of more tokens the first max_tokens",
    }
    return {
        "tokenizer": f"{TOKENIZERS}/{name}/tokenizer.json",
        "library": "tokenizers.Tokenizer.from_file(...).encode(text).ids",
        "max_tokens": tokenizer.max_tokens,
        "of_more": kept[tokenizer.keeps],
        "before": {**reports.model_dump(mode="json"), "masked_by": MASK}
        if any(reports.model_dump().values())
        else None,
    }


def _table(saved: SavedModel, name: str) -> dict[str, Any]:
    columns = saved.facts.inputs[name].columns
    meaning = "a number as it is, in years for an age; a category by the place of its word; NaN where it is missing"
    return {"columns": [{"name": c.name, "words": list(c.words) or None} for c in columns], "meaning": meaning}


def _inside(saved: SavedModel, name: str) -> dict[str, Any]:
    """What the graph itself does to the images of an input."""
    section, facts = saved.config.model.inputs[name], saved.facts.inputs[name]
    architecture = facts.architecture or {}
    view = section.view.model_dump(mode="json") if section.view is not None else "by unit and channels"
    known = {key: architecture[key] for key in ("mean", "std") if key in architecture}
    return {"view": view, "neighbours": section.neighbours, **known}


def _outputs(saved: SavedModel, name: str, head: Head) -> list[dict[str, Any]]:
    shape = [1, len(saved.facts.findings)]
    told: dict[str, Any] = {"level": head.level, "columns": "findings"}
    if head.level == "slice":
        told |= {"of": head.modality, "rows": "images, as they were fed; nothing where the input is absent"}
        shape = [f"{head.modality}_items", len(saved.facts.findings)]
    calibration = head.calibration if isinstance(head, FindingsHead) else None
    how = None if calibration is None else calibration.to_json(saved.facts.findings)
    return [
        {
            "name": name,
            "shape": shape,
            **told,
            "meaning": "probabilities, as mmdx predict gives them",
            "calibration": how,
        },
        {"name": f"{name}{LOGITS}", "shape": shape, **told, "meaning": "logits before calibration"},
    ]
