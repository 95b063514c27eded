"""A config with every part checked and every default written out; all problems at once, one line per problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from mmdx.config_file import parse_config, read_raw
from mmdx.data.readers import register_all
from mmdx.engine.assembly.encoders import encoders, kind_of, kind_read, no_encoder, options_read, with_timm_names
from mmdx.engine.assembly.finals import final_problems
from mmdx.engine.assembly.judging import judge_problems
from mmdx.engine.assembly.narrow import methods_of, narrow, only_describes, pools_slices, twins
from mmdx.engine.assembly.parts import register_parts
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError, did_you_mean
from mmdx.extras import lacking_packages
from mmdx.registry import FINALS, FUSIONS, HEADS, IMAGE_VIEWS, READERS, SELECTORS, SEQUENCES, TABLE_ENCODERS, Registry
from mmdx.schema import Component, Config, InputConfig, ModelConfig

ENCODER, TRACKERS = "encoder", ("train", "trackers")


@dataclass(frozen=True)
class Place:
    """Where a config names a part: the keys that lead there, the part, and the registry that it must be of.

    `registry` is None where the part is an encoder that no kind of modality has; `unknown` then says so.
    """

    keys: tuple[str, ...]
    component: Component
    registry: Registry | None
    unknown: str = ""

    def problems(self) -> list[str]:
        """Why there is no such part, or why it cannot have these options."""
        where = ".".join(self.keys)
        if self.registry is None:
            return [f"{where}: {self.unknown}"]
        try:
            self.registry.options(self.component, where)
        except UsageError as error:
            return list(error.problems)
        return []

    def lacking(self) -> list[str]:
        """What the part needs and this machine lacks, where its class can tell; empty where the part has problems."""
        if self.registry is None or self.problems():
            return []
        ask: Any = getattr(self.registry.get(self.component.type), "lacking", None)
        where = ".".join(self.keys)
        return [f"{where}: {line}" for line in ask(**self.registry.options(self.component))] if ask is not None else []


def read_resolved(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with `key=value` overrides, resolved. Raises as `resolve_raw` does."""
    return resolve_raw(read_raw(path, overrides), str(path))


def resolve_raw(raw: Mapping[str, Any], where: str) -> Config:
    """The config that a plain mapping spells out, resolved.

    Raises `UsageError` with all problems at once, each line opened by `where`: those of its sections, and those of the
    parts that it names.
    """
    plugin_problems = _plugin_problems(raw)
    raw = with_timm_names(raw)
    try:
        config = parse_config(raw, where)
    except UsageError as error:
        problems = [*plugin_problems, *_part_problems(raw)]
        raise UsageError([*error.problems, *(f"{where}: {problem}" for problem in problems)]) from None
    return resolve(config)


def resolve(config: Config) -> Config:
    """`config` with every component's defaults written out. Raises `UsageError` with all problems at once."""
    register_parts(config)
    raw = config.model_dump()
    problems = [*_part_problems(raw), *_input_problems(config), *_side_problems(config), *final_problems(config)]
    if problems:
        raise UsageError(problems)
    settled = _settled(raw)
    if problems := _side_head_problems(settled) + judge_problems(settled):
        raise UsageError(problems)
    return settled


def _settled(raw: dict[str, Any]) -> Config:
    """The config of a dump, whose parts have no problems, with all options of each part."""
    for place in list(places(raw)):
        *sections, last = place.keys
        node = raw
        for key in sections:
            node = node[key]
        if place.registry is not None:
            node[last] = place.registry.resolve(place.component, ".".join(place.keys)).model_dump()
    return Config.model_validate(raw)


def _plugin_problems(raw: Mapping[str, Any]) -> list[str]:
    """The modules of the user's own that cannot be imported; the others are, and with them their parts registered."""
    register_all()
    names = raw.get("plugins")
    problems: list[str] = []
    for name in names if isinstance(names, list) else []:
        try:
            import_plugins([str(name)])
        except UsageError as error:
            problems += error.problems
    return problems


def lacking_parts(raw: Mapping[str, Any]) -> list[str]:
    """What parts of a config need and this machine lacks: names that timm does not know, weights that are nowhere,
    packages of trackers."""
    lacking = [problem for place in places(with_timm_names(raw)) for problem in place.lacking()]
    for keys in (TRACKERS, ("first", *TRACKERS)):
        named = _value(raw, keys)
        named = [named] if isinstance(named, str) else named
        names = [name for name in named if isinstance(name, str)] if isinstance(named, list | tuple) else []
        lacking += lacking_packages(".".join(keys), names, "trackers")
    return lacking


def _part_problems(raw: Mapping[str, Any]) -> list[str]:
    return [problem for place in places(raw) for problem in place.problems()]


def places(raw: Mapping[str, Any]) -> Iterator[Place]:
    """Every place where a config names a part. `raw` may be of a file: what is no part is left to the schema."""
    yield from _place(raw, ("data", "reader"), READERS)
    yield from _place(raw, ("train", "final"), FINALS)
    yield from _place(raw, ("first", "train", "final"), FINALS)
    for model in (("model",), ("first", "model")):
        yield from _place(raw, (*model, "fusion"), FUSIONS)
        for name in _names(raw, (*model, "heads")):
            yield from _place(raw, (*model, "heads", name), HEADS)
        for name in _names(raw, (*model, "inputs")):
            section = (*model, "inputs", name)
            yield from _place(raw, (*section, ENCODER), None)
            yield from _place(raw, (*section, "view"), IMAGE_VIEWS)
            yield from _place(raw, (*section, "select"), SELECTORS)
            yield from _place(raw, (*section, "sequence"), SEQUENCES)


def _place(raw: Mapping[str, Any], keys: tuple[str, ...], registry: Registry | None) -> Iterator[Place]:
    """The place under `keys`, where a part is named there; the registry of an encoder is found by its name."""
    value = _value(raw, keys)
    if value is None:
        return
    try:
        component = Component.model_validate(value)
    except pydantic.ValidationError:
        return  # parse_config says what is wrong
    kind = kind_read(component.type) if keys[-1] == ENCODER else None
    if keys[-1] != ENCODER or kind is not None:
        yield Place(keys, component, encoders()[kind.name] if kind is not None else registry)
        return
    tables, section = _value(raw, ("data", "tables")), _value(raw, keys[:-1])
    made = isinstance(tables, Mapping) and keys[-2] in tables
    yield Place(keys, component, None, no_encoder(component.type, section, made))


def _value(raw: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """What stands under `keys`, None where nothing does; an encoder's name alone stands for its whole input."""
    node: Any = raw
    for key in keys:
        if isinstance(node, str) and key == ENCODER:
            return node
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _names(raw: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    section = _value(raw, keys)
    return list(section) if isinstance(section, Mapping) else []


def _input_problems(config: Config) -> list[str]:
    """Options that an input has no use for, and inputs that disagree with `data.tables`."""
    stages: dict[str, ModelConfig] = {"model": config.model}
    if config.first is not None:
        stages["first.model"] = config.first.model
    return [
        problem
        for stage, model in stages.items()
        for name, section in model.inputs.items()
        for problem in [
            *_table_problems(config, name, section, f"{stage}.inputs.{name}"),
            *_option_problems(section, f"{stage}.inputs.{name}"),
        ]
    ]


def _table_problems(config: Config, name: str, section: InputConfig, where: str) -> list[str]:
    """Where an input and `data.tables` do not agree that it is a table."""
    encoder = section.encoder.type
    kind = kind_read(encoder)
    if kind is None:
        return []
    if name in config.data.tables and name in config.data.stacks:
        return [f"{where}: data.tables and data.stacks both make '{name}'; call one of them otherwise"]
    if kind.made and name not in config.data.tables:
        return [f"{where}: '{encoder}' reads traits; name them, such as data.tables.{name}=[age,sex]"]
    if not kind.made and name in config.data.tables:
        choices = ", ".join(TABLE_ENCODERS.names())
        return [f"{where}: '{encoder}' reads {kind.name}, but data.tables makes '{name}' of traits; take {choices}"]
    return []


def _option_problems(section: InputConfig, where: str) -> list[str]:
    """The options of an input that are set, and that the branch of its kind does not read."""
    kind, encoder = kind_of(section), section.encoder.type
    if kind_read(encoder) is None:
        return []
    unset = InputConfig(encoder=section.encoder)
    return [
        f"{where}.{option}: is not for {kind.name}, which '{encoder}' reads; leave it out"
        for option in InputConfig.model_fields
        if option not in (ENCODER, *options_read(kind))
        and not _is_default(getattr(section, option), getattr(unset, option))
    ]


def _is_default(value: Any, default: Any) -> bool:
    """Whether an option of an input is as it is where nobody sets it; a part may have its defaults written out."""
    if not isinstance(value, Component) or not isinstance(default, Component):
        return value == default
    options = SEQUENCES.resolve(default).options
    return value.type == default.type and value.options.items() <= options.items()


def _side_problems(config: Config) -> list[str]:
    """Where the two sides of guidance are not those of the model, or the superior one is never withheld."""
    if config.guidance is None:
        return []
    inputs, rates = config.model.inputs, config.model.modality_dropout
    names = (*config.guidance.superior, *config.guidance.inferior)
    problems = [f"guidance names '{name}'; {did_you_mean(name, inputs)}" for name in names if name not in inputs]
    problems += [
        f"guidance: '{name}' is superior and inferior; name it once" for name in names if names.count(name) > 1
    ]
    if problems:
        return problems[:1]
    problems = []
    if config.data.folds is not None:
        problems.append("guidance: trains stages of its own, which data.folds does not reach; leave one of them out")
    if config.first is not None and not only_describes(config):
        problems.append(
            "guidance: its stages share one first stage, of which nothing may be trained; freeze its encoders "
            "(encoder.frozen=true) and ask for no logits (first.folds=null)"
        )
    problems += [
        f"guidance names '{name}' neither superior nor inferior; do so, or drop the input"
        for name in inputs
        if name not in names
    ]
    methods, superior = methods_of(config), ", ".join(config.guidance.superior)
    problems += [f"guidance.methods names '{m}' twice" for m in dict.fromkeys(methods) if methods.count(m) > 1]
    if not any(rates.get(n, 0) if isinstance(rates, dict) else rates for n in config.guidance.superior):
        problems += [
            f"guidance: its method '{method}' never sees {superior} withheld; set model.modality_dropout, such as 0.5"
            for method in ("dropped", "shared")
            if method in methods
        ]
    if "warm_start" in methods and not twins(config):
        problems.append(
            f"guidance: its method 'warm_start' begins from weights of {superior}, but no inferior input of images or "
            "descriptors has the same encoder and sequence; make them alike, or leave it out of guidance.methods"
        )
    return problems


def _side_head_problems(config: Config) -> list[str]:
    """Where a side of a guided config (resolved) has no head that answers for studies, or one that blends in images."""
    if config.guidance is None:
        return []
    problems = []
    for side, names in (("superior", config.guidance.superior), ("inferior", config.guidance.inferior)):
        try:
            narrow(config, names)
        except UsageError as error:
            problems += [f"guidance.{side}: {problem}" for problem in error.problems]
    problems += [
        f"guidance: model.heads.{name} blends in what slices show, which no guess has; drop blend, slices"
        for name, head in config.model.heads.items()
        if pools_slices(head)
    ]
    return problems
