"""A config with fewer inputs, for ablation and guidance alike: an ordinary config, and one sentence per change.

What the first of two stages leaves to the second is told here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdx.engine.assembly.encoders import kind_of
from mmdx.errors import UsageError
from mmdx.models.heads.base import Head
from mmdx.registry import HEADS
from mmdx.schema import Component, Config, GuidanceMethod, InputConfig, ModelConfig


@dataclass(frozen=True)
class NarrowConfig:
    """A config of some inputs alone; `notes` say what else was left out or changed, one sentence per change."""

    config: Config
    notes: tuple[str, ...]


def narrow(config: Config, names: Sequence[str]) -> NarrowConfig:
    """`config` (resolved) reading the inputs `names` alone, without guidance.

    Heads and options that ask for another input go too, and the first of two stages reads no such input either.
    Raises `UsageError`, a sentence that says why, where no head is left that answers for studies.
    """
    others = [name for name in config.model.inputs if name not in names]
    raw: dict[str, Any] = config.model_dump()
    raw["guidance"] = raw["run"] = None
    notes: list[str] = []
    if others:
        for key in ("tables", "stacks"):
            raw["data"][key] = {name: parts for name, parts in raw["data"][key].items() if name not in others}
        raw["model"] = _model(config.model, others, "", notes)
        raw["train"]["judge"] = _judge(config.model, raw["model"]["heads"], config.train.judge, "", notes)
        _reduce_first(config, names, raw, notes)
    heads = Config.model_validate(raw).model.heads if raw["model"]["heads"] else {}
    if not any(level_of(head) == "study" for head in heads.values()):
        rest = f" (left: {', '.join(heads)})" if heads else ""
        raise UsageError(f"no head answers for studies from {' and '.join(names)}{rest}; add one to model.heads")
    return NarrowConfig(Config.model_validate(raw), tuple(notes))


def _model(model: ModelConfig, others: Sequence[str], where: str, notes: list[str]) -> dict[str, Any]:
    """The dump of a model without the inputs `others`; `where` is what the keys of its stage begin with."""
    raw = model.model_dump()
    raw["inputs"] = {name: section for name, section in raw["inputs"].items() if name not in others}
    for name, head in model.heads.items():
        if not _fits(head, model, others):
            del raw["heads"][name]
            notes.append(f"{where}heads.{name} ({head.type}) is left out: it asks for {' or '.join(others)}")
        elif pools_slices(head) and not _any_sliced(model, others):
            alone = {"blend": False, "slices": None, "fused": True}
            raw["heads"][name] |= {option: alone[option] for option in alone if option in head.options}
            notes.append(f"{where}heads.{name} blends nothing in: there are no images or descriptors")
    for option, value in model.fusion.options.items():
        if isinstance(value, str) and value in others:
            del raw["fusion"][option]
            notes.append(f"{where}fusion.{option} is its default: it names {value}")
    raw["withhold"] = [name for name in model.withhold if name not in others]
    rates = model.modality_dropout
    if len(raw["inputs"]) == 1:
        raw["modality_dropout"] = 0.0  # the last modality of a study is never withheld
    elif isinstance(rates, dict):
        raw["modality_dropout"] = {name: rate for name, rate in rates.items() if name not in others}
    return raw


def _judge(model: ModelConfig, heads: dict[str, Any], judge: str, where: str, notes: list[str]) -> str:
    """By what epochs are judged: studies where no slice head is left that could judge."""
    if judge == "slices" and not any(level_of(model.heads[name]) == "slice" for name in heads):
        notes.append(f"{where}train.judge is studies: no slice head is left")
        return "studies"
    return judge


def _reduce_first(config: Config, names: Sequence[str], raw: dict[str, Any], notes: list[str]) -> None:
    """The first stage with the inputs `names` alone; none where it describes nothing that is read."""
    if config.first is None:
        return
    first, others = config.first.model, [name for name in config.model.inputs if name not in names]
    if not any(name in first.inputs and _reads_descriptors(config.model.inputs[name]) for name in names):
        raw["first"] = None
        notes.append("first is left out: it describes nothing that is read")
        return
    raw["first"]["model"] = _model(first, others, "first.", notes)
    if not raw["first"]["model"]["heads"]:
        without = " and ".join(others)
        raise UsageError(f"the first stage has no head left without {without}; add one to first.model.heads")
    heads = raw["first"]["model"]["heads"]
    raw["first"]["train"]["judge"] = _judge(first, heads, config.first.train.judge, "first.", notes)


def _fits(head: Component, model: ModelConfig, others: Sequence[str]) -> bool:
    """Whether a head has what it asks for: images of its `modality`, a `text` to write, something that it `sees`."""
    options = HEADS.options(head)
    kinds = {name: kind_of(section) for name, section in model.inputs.items()}
    rest = {name: kind for name, kind in kinds.items() if name not in others}
    if "modality" in options:
        boxes, modality = level_of(head) == "box", options["modality"]
        fitting = [name for name, kind in rest.items() if (kind.pictured if boxes else kind.sliced)]
        if modality in others or (modality is None and not fitting):
            return False
    if "text" in options:
        texts = [name for name, kind in kinds.items() if kind.worded]
        target = options["text"] or next(iter(texts), None)
        if target in others:
            return False
        everything, text_too = options.get("sees") == "everything", options.get("text_too")
        return any((everything or kind.sliced) and (name != target or text_too) for name, kind in rest.items())
    return True


def _any_sliced(model: ModelConfig, others: Sequence[str]) -> bool:
    """Whether images or descriptors are among the inputs that are not `others`."""
    return any(kind_of(section).sliced for name, section in model.inputs.items() if name not in others)


def _reads_descriptors(section: InputConfig) -> bool:
    kind = kind_of(section)
    return kind.sliced and not kind.pictured


def level_of(head: Component) -> str | None:
    """What a head answers about (`Head.level`); None for a part that is no `Head`."""
    part = HEADS.get(head.type)
    return part.level if isinstance(part, type) and issubclass(part, Head) else None


def pools_slices(head: Component) -> bool:
    """Whether a head that answers for studies looks at their slices by itself."""
    return level_of(head) == "study" and bool(head.options.get("blend") or head.options.get("slices"))


def twins(config: Config) -> dict[str, str]:
    """Of each inferior input of images or descriptors in a guided config, the first superior one that is encoded alike:
    by the same encoder and sequence model, whose weights it can begin from."""
    if config.guidance is None:
        return {}
    pairs: dict[str, str] = {}
    for name in config.guidance.inferior:
        section = config.model.inputs[name]
        for other in config.guidance.superior if kind_of(section).sliced else ():
            strong = config.model.inputs[other]
            if (strong.encoder, strong.sequence) == (section.encoder, section.sequence):
                pairs.setdefault(name, other)
    return pairs


def methods_of(config: Config) -> tuple[GuidanceMethod, ...]:
    """The methods of a guided config: those that it names, else a warm start, where it fits, and baselines."""
    if config.guidance is None:
        return ()
    if config.guidance.methods is not None:
        return config.guidance.methods
    return ("warm_start", "distilled", "dropped") if twins(config) else ("distilled", "dropped")


def described_inputs(config: Config) -> list[str]:
    """The inputs of which the first stage of a config leaves descriptors that the second one reads."""
    if config.first is None:
        return []
    first = config.first.model.inputs
    return [name for name, section in first.items() if name in config.model.inputs and kind_of(section).pictured]


def only_describes(config: Config) -> bool:
    """Whether nothing of the first stage of a config is to be trained: its encoders are frozen, and no logits of a
    slice head are asked for."""
    if config.first is None:
        return False
    sections = [config.first.model.inputs[name] for name in described_inputs(config)]
    answering = any(level_of(head) == "slice" for head in config.first.model.heads.values())
    frozen = all(section.encoder.options.get("frozen") is True for section in sections)
    return bool(sections) and frozen and (config.first.folds is None or not answering)
