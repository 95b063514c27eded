"""Which kind of modality an encoder reads: the kind of the branch whose encoders hold it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from mmdx.errors import did_you_mean
from mmdx.kinds import IMAGES, KINDS, TABULAR, Kind
from mmdx.models.image import is_timm, near_timm
from mmdx.models.parts import register_model_parts
from mmdx.registry import BRANCHES, Registry
from mmdx.schema import InputConfig

register_model_parts()


def kind_of(section: InputConfig) -> Kind:
    """The kind of modality that the encoder reads; images where the encoder is not registered."""
    return kind_read(section.encoder.type) or IMAGES


def kind_read(encoder: str) -> Kind | None:
    """The kind that an encoder of this name reads, None where there is no such encoder."""
    return next((KINDS[name] for name, registry in encoders().items() if encoder in registry.names()), None)


def encoders() -> dict[str, Registry]:
    """The encoders of each kind of modality that a branch reads, by the kind's name."""
    branches: dict[str, Any] = {name: BRANCHES.get(name) for name in KINDS if name in BRANCHES.names()}
    return {name: branch.encoders for name, branch in branches.items()}


def with_timm_names(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw`, the plain mapping of a config, in which each encoder that is called by a timm model's name alone, such as
    `resnet50`, is `timm` of that name."""
    first = raw.get("first")
    stages = {"model": raw.get("model"), "first": first.get("model") if isinstance(first, Mapping) else None}
    named = {key: _timm_named(model) for key, model in stages.items() if isinstance(model, Mapping)}
    if "first" in named:
        named["first"] = {**raw["first"], "model": named["first"]}
    return {**raw, **named}


def _timm_named(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The section of a model, its encoders named."""
    inputs = model.get("inputs")
    if not isinstance(inputs, Mapping):
        return model
    return {**model, "inputs": {name: _input_named(section) for name, section in inputs.items()}}


def _input_named(section: Any) -> Any:
    """The section of an input, its encoder named."""
    if isinstance(section, str):
        return section if _timm_of(section) is None else {"encoder": {"type": "timm", "name": section}}
    encoder = section.get("encoder") if isinstance(section, Mapping) else None
    if isinstance(encoder, str) and _timm_of(encoder) is not None:
        return {**section, "encoder": {"type": "timm", "name": encoder}}
    if isinstance(encoder, Mapping) and _timm_of(encoder.get("type")) is not None and "name" not in encoder:
        return {**section, "encoder": {**encoder, "type": "timm", "name": encoder["type"]}}
    return section


def _timm_of(name: Any) -> str | None:
    """`name`, where it is a timm model's and no registered encoder's."""
    return name if isinstance(name, str) and kind_read(name) is None and is_timm(name) else None


def no_encoder(name: str, section: Any, table: bool) -> str:
    """The line about an encoder that there is not: the nearest, and those of the kind that the input is.

    `section` is the input as the config has it and `table` says whether `data.tables` makes it. Where neither tells the
    kind, that of a name that is very near does; else the encoders of all kinds are named, kind by kind.
    """
    by_kind = {kind: registry.names() for kind, registry in encoders().items()}
    options = section if isinstance(section, Mapping) else {}
    near = _near(name, [encoder for names in by_kind.values() for encoder in names])
    if table:
        return f"no encoder is called '{name}'; {did_you_mean(name, by_kind[TABULAR.name])}"
    if near is None and (timm := near_timm(name)) is not None:
        return (
            f"no encoder is called '{name}'; did you mean '{timm}' of timm? mmdx list image_encoders names the others"
        )
    augment = options.get("augment")
    drawn = isinstance(augment, Mapping) and any(augment.values())
    kind = IMAGES if drawn or options.get("view") or options.get("neighbours") else kind_read(near or "")
    if kind is not None:
        return f"no encoder is called '{name}'; {did_you_mean(name, by_kind[kind.name])}{_beside(kind)}"
    listing = "; ".join(f"of {k} {', '.join(names)}{_beside(KINDS[k])}" for k, names in by_kind.items())
    return f"no encoder is called '{name}'; known: {listing}"


def _near(name: str, names: list[str]) -> str | None:
    """The encoder whose name is so near that nothing else can be meant."""
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.75)), None)


def _beside(kind: Kind) -> str:
    return ", or a timm model's name such as resnet50" if kind is IMAGES else ""


def options_read(kind: Kind) -> frozenset[str]:
    """The fields of `InputConfig`, beside the encoder, that the branch of a kind reads."""
    branch: Any = BRANCHES.get(kind.name)
    return branch.options
