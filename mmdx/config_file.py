"""A config as a file: YAML, then `key=value` overrides, then checked models; one line per problem.

An override sets one dotted key: `train.epochs=3`, `model.fusion.dim=256`; assigning a component itself
(`model.fusion=gated`) replaces it whole. No environment variables, no interpolation, no inheritance between files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pydantic
import yaml

from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.schema import Config
from mmdx.strangers.bounded import MOST_OF_CONFIG, read_text
from mmdx.yaml_text import NotYaml, parse_yaml


def read_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The config in a YAML file, with `key=value` overrides. Raises `UsageError` with one line per problem."""
    return parse_config(read_raw(path, overrides), str(path))


def read_raw(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The plain mapping in a YAML file, with overrides, not yet checked. Raises `UsageError` where there is none."""
    try:
        raw = parse_yaml(read_text(path, most=MOST_OF_CONFIG), str(path))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such config; configs/ holds the shipped ones") from None
    except DataError as error:
        raise UsageError(error.problems) from None
    if not isinstance(raw, dict):
        raise UsageError(f"{path}: expected keys such as data, model and train; found {type(raw).__name__}")
    return with_overrides(raw, overrides)


def parse_config(raw: Mapping[str, Any], where: str) -> Config:
    """The config that a plain mapping spells out. Raises `UsageError` with one line per problem."""
    try:
        return Config.model_validate(raw)
    except pydantic.ValidationError as error:
        raise UsageError([f"{where}: {line}" for line in explain(error, Config)]) from None


def with_overrides(raw: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`raw` with each `a.b.c=value` set, read as YAML, as `with_values` sets it."""
    values: dict[str, Any] = {}
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise UsageError(f"'{override}': an override is key=value, such as train.epochs=3")
        try:
            values.pop(key, None)  # of two for one key the last counts, in its place
            values[key] = parse_yaml(value, f"'{override}'")
        except NotYaml:
            raise UsageError(f"'{override}': the value is not YAML; quote it") from None
    return with_values(raw, values)


def with_values(raw: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` with the value of each dotted key set, in order; a component named alone takes options below it."""
    result = _copy(raw)
    for key, value in values.items():
        node: dict[str, Any] = result
        *parents, last = key.split(".")
        for depth, parent in enumerate(parents):
            below = node.get(parent)
            if isinstance(below, str):
                # The name of an encoder alone stands for its whole input.
                below = {"encoder" if depth == 2 and parents[:2] == ["model", "inputs"] else "type": below}
            if below is None:
                below = {}
            if not isinstance(below, dict):
                raise UsageError(f"'{key}={value}': '{parent}' is {below!r}, which has no keys below it")
            node[parent] = below
            node = below
        node[last] = value
    return result


def dump_config(config: Config) -> str:
    """YAML that `read_config` reads back to an equal config, and loaders of YAML 1.1 to the same values: what those
    would read as something else than text (`no`, `on`, `3`) is quoted."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


def explain(error: pydantic.ValidationError, schema: type[pydantic.BaseModel], where: str = "") -> list[str]:
    """What pydantic refuses, one line per problem: the dotted key, what stands there, what to do.

    An unknown key comes with the nearest that there is. `where` is what the keys begin with.
    """
    lines = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        key = ".".join(part for part in ([where] if where else []) + path)
        if item["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; {did_you_mean(path[-1], _keys_at(schema, path[:-1]))}")
        elif item["type"] == "missing" and path[-1] == "type":
            part = key.removesuffix(".type")
            lines.append(f"{part}: options without a part; name it too, such as {part}=NAME")
        elif item["type"] == "missing":
            lines.append(f"{key}: missing; it has no default")
        else:
            value = "" if isinstance(item["input"], dict | list) else f"{_short(item['input'])}: "
            message = item["msg"].removeprefix("Value error, ")
            lines.append(f"{key or 'config'}: {value}{message[:1].lower()}{message[1:]}")
    return lines


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _keys_at(schema: type[pydantic.BaseModel], path: Sequence[str]) -> list[str]:
    """The keys that a schema knows at a dotted place, through optional sections and mappings of sections."""
    model: Any = schema
    for name in path:
        field = model.model_fields.get(name) if _is_model(model) else None
        if field is not None:
            model = field.annotation
        while not _is_model(model) and get_args(model):
            model = next((a for a in reversed(get_args(model)) if _is_model(a) or get_args(a)), None)
    return list(model.model_fields) if _is_model(model) else []


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, pydantic.BaseModel)


def _copy(raw: Any) -> Any:
    return {str(k): _copy(v) for k, v in raw.items()} if isinstance(raw, dict) else raw
