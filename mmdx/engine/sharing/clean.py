"""A model folder as it may be given away: without paths of this machine, and without rare words of patients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmdx.config_file import parse_config
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model_files.copies import copy_files
from mmdx.engine.assembly.saved import load_description, member_folders, write_description
from mmdx.errors import UsageError
from mmdx.files import ModelLayout
from mmdx.models.facts import InputFacts
from mmdx.models.weights import WEIGHT_FILES
from mmdx.registry import HEADS
from mmdx.schema import Config
from mmdx.strangers.sealed import require, write_sealed
from mmdx.study import Column

STORE = "store"
"""What stands in a config for the store that a model was trained on, which stays where it is."""
_STARTS = {"pretrained": None, "source": ""}
"""Options of encoders that say where their weights began, and what they are where that is nowhere."""
_ORIGIN = "_name_or_path"
"""Where a Hugging Face config says from which folder it was read."""
Counts = Mapping[str, Mapping[str, int]]
"""How many patients have a word, by trait and by word in lower case."""


def lone_folders(folder: Path) -> Iterator[Path]:
    """The folder of each single model in a model folder: members and first stages, too."""
    if ModelLayout(folder).ensemble.is_file():
        for place in member_folders(folder):
            yield from lone_folders(place)
        return
    yield folder
    if ModelLayout(folder).first.is_dir():
        yield from lone_folders(ModelLayout(folder).first)


def write_clean(source: Path, out: Path, patients: Counts | None) -> None:
    """Writes the files of a model folder as they may be given away: the same weights, and the same answers but for a
    word of a trait that fewer than two `patients` have, which is not known any more.

    `patients` is None where nobody can say how many have a word. Raises `UsageError` where the model cannot be rebuilt
    without something of this machine, can write reports, or has learned nothing.
    """
    layout, clean = ModelLayout(source), ModelLayout(out)
    if layout.ensemble.is_file():
        places = [clean.member(number).folder for number in range(len(member_folders(source)))]
        for place, member in zip(places, member_folders(source), strict=True):
            write_clean(member, place, patients)
        write_sealed(clean.ensemble, {"members": [place.relative_to(out).as_posix() for place in places]})
        return
    config, facts, tokenizers = load_description(source)
    _refuse_writers(config)
    copy_files(source, out)
    write_description(out, clean_config(config), clean_facts(facts, patients), tokenizers)
    for sealed in (clean.calibration, clean.stack):
        if sealed.is_file():
            require(clean.facts, sealed)
    if layout.first.is_dir():
        write_clean(layout.first, clean.first, patients)


def clean_config(config: Config) -> Config:
    """The config of a model without the paths of studies, stores, keys, runs and pretrained weights.

    Raises `UsageError` for a path in an option of a part, which the part may need to be made again.
    """
    raw = config.model_dump(mode="json")
    raw |= {"run": None}
    raw["data"] |= {"store": STORE, "reader": None, "source": None, "pseudonym_key": None}
    raw["data"].pop("stores")
    for section in (raw["model"], raw["first"]):
        _forget_starts(section)
    if places := [*_places(raw["model"], "model"), *_places(raw["first"], "first")]:
        raise UsageError([f"{key}: is a path of this machine, and is not shared; name no path there" for key in places])
    return parse_config(raw, "config of the model")


def clean_facts(facts: ModelFacts, patients: Counts | None) -> ModelFacts:
    """Facts without places of this machine, and without words of traits that fewer than two patients have: their
    columns stay, under names that nobody's trait has."""
    return replace(facts, inputs={name: _clean_input(own, patients) for name, own in facts.inputs.items()})


def _clean_input(facts: InputFacts, patients: Counts | None) -> InputFacts:
    architecture = facts.architecture and _without_places(facts.architecture)
    columns = facts.columns
    if patients is not None:  # a trait that a run keeps out of its table tells too much: all its words go
        columns = tuple(_clean_column(column, patients.get(column.name, {})) for column in columns)
    return replace(facts, architecture=architecture, columns=columns)


def _clean_column(column: Column, patients: Mapping[str, int]) -> Column:
    kept = [word if patients.get(word, 0) > 1 else f"[rare {place}]" for place, word in enumerate(column.words)]
    return replace(column, words=tuple(kept))


def _refuse_writers(config: Config) -> None:
    """What such a head has learned by heart is in its weights, where nothing can be looked for."""
    for name, head in config.model.heads.items():
        if getattr(HEADS.get(head.type), "level", None) == "text":
            raise UsageError(
                f"model.heads.{name}: writes reports, and can write one of its training word for word; such a model is "
                "not shared (docs/privacy.md)"
            )


def _forget_starts(section: Any) -> None:
    """Takes paths of weights out of the encoders below a section, in place; names of the Hub and packages stay."""
    for value in _below(section):
        if isinstance(value, dict):
            for key, nothing in _STARTS.items():
                if isinstance(value.get(key), str) and is_path(value[key]):
                    value[key] = nothing
            _forget_starts(value)
        elif isinstance(value, list):
            _forget_starts(value)


def is_path(start: str) -> bool:
    """Whether the start of an encoder is a file or a folder, and neither a name of the Hub nor a package."""
    named = _is_place(start) or start.count("/") > 1 or Path(start).suffix in WEIGHT_FILES
    return named or Path(start).exists()


def _is_place(text: str) -> bool:
    """Whether a text is a path by its form alone."""
    return text.startswith(("/", "~", "./", "../")) or "\\" in text or text[1:3] in (":/", ":\\")


def _places(section: Any, key: str) -> Iterator[str]:
    """The dotted keys below a section whose values are paths."""
    if isinstance(section, str) and _is_place(section):
        yield key
    named: Iterable[tuple[Any, Any]] = section.items() if isinstance(section, dict) else ()
    listed = enumerate(section) if isinstance(section, list) else ()
    for name, value in (*named, *listed):
        yield from _places(value, f"{key}.{name}")


def _without_places(value: Any) -> Any:
    """Plain values without paths, and without what a Hugging Face config says of its folder."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k != _ORIGIN and not (isinstance(v, str) and _is_place(v))}
        return {key: _without_places(own) for key, own in kept.items()}
    if isinstance(value, list | tuple):
        return [_without_places(own) for own in value if not (isinstance(own, str) and _is_place(own))]
    return value


def _below(section: Any) -> list[Any]:
    if isinstance(section, dict):
        return list(section.values())
    return section if isinstance(section, list) else []
