"""Which models may answer together: those of the same findings that read the same inputs and answer alike."""

from __future__ import annotations

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.registry import HEADS
from mmdx.schema import Component, Config

Description = tuple[Config, ModelFacts]


def difference(first: Description, second: Description) -> str | None:
    """What the second of two models has otherwise than the first, so that their answers have no mean; None for nothing.

    Encoders, fusions, widths and vocabularies may differ. Findings, inputs and how a study is read, heads and their
    losses may not.
    """
    left, right = _traits(*first), _traits(*second)
    return next((f"{what} {right[what]} instead of {left[what]}" for what in left if left[what] != right[what]), None)


def _traits(config: Config, facts: ModelFacts) -> dict[str, str]:
    """What must be the same in all models that answer together, in words, by what it is called."""
    data = config.data
    inputs = [f"{name} ({content.kind})" for name, content in facts.inputs.items()]
    images = [f"{name} {content.unit} x{content.channels}" for name, content in facts.inputs.items()]
    stacks = [f"{name} ({', '.join(parts)})" for name, parts in data.stacks.items()]
    tables = [f"{name} ({', '.join(traits)})" for name, traits in data.tables.items()]
    return {
        "findings": ", ".join(facts.findings),
        "inputs": ", ".join(inputs),
        "images": ", ".join([*images, f"{facts.size} pixels"]),
        "a first stage": "no" if facts.first is None else "yes",
        "data.stacks": ", ".join(stacks) or "none",
        "data.tables": ", ".join(tables) or "none",
        "data.max_images": str(data.max_images),
        "data.order": data.order,
        "data.drop_images": f"{data.drop_images:g}",
        "data.reports": str(data.reports.model_dump(mode="json")),
        "model.heads": ", ".join(f"{name} ({_words(head)})" for name, head in config.model.heads.items()),
    }


def _words(head: Component) -> str:
    """What a head answers for, and under which loss its logits mean something."""
    options = HEADS.options(head)
    parts = [head.type, options.get("modality"), getattr(options.get("loss"), "type", None)]
    return " ".join(str(part) for part in parts if part)
