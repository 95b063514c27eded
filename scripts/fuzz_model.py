"""Model folders with one thing wrong: as damage leaves them, as an earlier version did, and as a forger would.

A model folder seals its files with digests. `damaged` leaves these as they are: then a model answers as before, or it
is refused. `forged` seals again and `unsealed` takes the seals away: then it may answer otherwise, but what the files
say must be what was read: written again, the model says all that they said.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from fuzz_mutations import copied, mutate_bytes, mutate_json, mutate_kind, mutate_text, mutate_yaml, mutated
from fuzzing import Silent
from safetensors.torch import load_file, save_file

from mmdx.engine.assembly.saved import (
    SavedModel,
    load_model,
    lone_models,
    write_calibration,
    write_description,
    write_ensemble,
)
from mmdx.engine.assembly.stacks import write_stack
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.predict import predict_study
from mmdx.models.domain import write_domain
from mmdx.models.heads.base import FindingsHead
from mmdx.models.weights import write_tensors
from mmdx.strangers.sealed import BESIDE, DIGEST, write_sealed
from mmdx.yaml_text import parse_yaml

SEALS = ("damaged", "damaged", "forged", "forged", "unsealed")
SEALED = ("model.json", "calibration.json", "stack.json", "domain.json", "ensemble.json")
ENSEMBLES = 0.2
"""The share of cases that are an ensemble of two."""


class ModelCases:
    """Cases made of one model folder, and of the ensemble of two copies of it."""

    def __init__(self, best: Path) -> None:
        self.best, self.ensemble = best, best.with_name("fuzzed-ensemble")
        if not self.ensemble.is_dir():
            write_ensemble(self.ensemble, [best, best])
        self.expected = {place: answer(load_model(place)) for place in (self.best, self.ensemble)}

    def make(self, chance: random.Random, folder: Path) -> str:
        source = self.ensemble if chance.random() < ENSEMBLES else self.best
        seals = chance.choice(SEALS)
        (folder / "seals").write_text(f"{seals} {source}", encoding="utf-8")
        copied(source, folder / "model")
        path = chance.choice(sorted(path for path in (folder / "model").rglob("*") if path.is_file()))
        words = mutate(chance, path, seals)
        if seals != "damaged":
            for sealed in (folder / "model").rglob("*.json"):
                seal_again(sealed, seals)
        return f"{seals} {path.relative_to(folder / 'model')}: {words}"

    def attempt(self, folder: Path) -> None:
        seals, _, source = (folder / "seals").read_text(encoding="utf-8").partition(" ")
        saved = load_model(folder / "model")
        if answer(saved) == self.expected[Path(source)]:
            return
        if seals == "damaged":
            raise Silent("answers otherwise, and its seals say nothing")
        for place, member in zip(lone_models(folder / "model"), saved.members, strict=True):
            if unread := unread_of(place, member):
                raise Silent(f"answers otherwise, and {unread} was read as something else")


def answer(saved: SavedModel) -> str:
    """What a model says of one study, as text."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(-20, 90, (3, 32, 32)).astype(np.int16)
    report = "history: fall on the head, hypertension. findings: hyperdense crescent, thunderclap headache."
    study = ArrayStudy({"image": ImageArrays(pixels), "report": report}, traits={"age": 63.0, "sex": "F"})
    prediction = predict_study(saved, study)
    return json.dumps([prediction.to_json(), repr(prediction)], sort_keys=True, allow_nan=False)


def mutate(chance: random.Random, path: Path, seals: str) -> str:
    """Changes one thing in a file of a model folder, and says what."""
    if path.suffix == ".safetensors":
        ways: list[Any] = [*[mutate_tensors] * 4, *[mutate_header] * 2, *[mutate_bytes] * 3, mutate_kind]
    else:
        own = mutate_yaml if path.suffix == ".yaml" else mutate_json
        ways = [*[own] * 12, *[mutate_bytes] * 3, *[mutate_text] * 3, *[mutate_kind] * 2]
    way = chance.choice(ways)
    return mutate_tensors(chance, path, seals) if way is mutate_tensors else way(chance, path)


def mutate_tensors(chance: random.Random, path: Path, seals: str) -> str:
    tensors = load_file(path)
    name = chance.choice(sorted(tensors))
    old = tensors[name]
    ways = {
        "int8": lambda: old.to(torch.int8),
        "bool": lambda: old.bool(),
        "half": lambda: old.half() if old.is_floating_point() else old,
        "double": lambda: old.double(),
        "NaN": lambda: old * float("nan"),
        "infinite": lambda: old.float() + float("inf"),
        "huge": lambda: old.float() * 1e30,
        "flat": lambda: old.reshape(-1),
        "one more": lambda: torch.cat([old.reshape(-1), old.reshape(-1)[:1]]),
        "empty": lambda: old.reshape(-1)[:0],
        "otherwise": lambda: old + 1,
    }
    way = chance.choice([*sorted(ways), "gone", "renamed", "strange"])
    if way in ways:
        tensors[name] = ways[way]()
    elif way == "strange":
        tensors["strange"] = torch.zeros(3)
    else:
        del tensors[name]
        tensors |= {"renamed": old} if way == "renamed" else {}
    header = header_of(path)[0].get("__metadata__", {})
    if seals == "forged":
        write_tensors(path, tensors)
    else:
        kept = header if seals == "damaged" else {"format": "pt"}
        save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path, metadata=kept)
    return f"{name}: {way}"


def mutate_header(chance: random.Random, path: Path) -> str:
    header, rest = header_of(path)
    header, words = mutated(chance, header)
    plain = json.dumps(header).encode()
    size = chance.choice([len(plain)] * 6 + [0, 2**40, len(plain) + 1])
    path.write_bytes(struct.pack("<Q", size) + plain + rest)
    return f"header: {words}"


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:end]), content[end:]


def seal_again(path: Path, seals: str) -> None:
    """Seals a file that has a seal with what lies there now, or takes its seal away."""
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if path.name not in SEALED or not isinstance(content, dict):
            return
        beside = content.pop(BESIDE, {})
        content.pop(DIGEST, None)
        if seals == "unsealed":
            path.write_text(json.dumps(content), encoding="utf-8")
        else:
            there = [path.parent / name for name in beside if (path.parent / name).is_file()]
            write_sealed(path, content, there)
    except (OSError, ValueError, RecursionError, TypeError):  # what no forger could seal either
        return


def unread_of(folder: Path, saved: SavedModel) -> str | None:
    """The first file of a model folder that says something else than the model that was read from it, written anew."""
    with TemporaryDirectory() as temporary:
        again = Path(temporary)
        write_description(again, saved.config, saved.facts, saved.tokenizers)
        heads = {
            name: head.calibration for name, head in saved.model.answering.items() if isinstance(head, FindingsHead)
        }
        heads = {name: calibration for name, calibration in heads.items() if calibration is not None}
        write_calibration(again, heads, saved.facts)
        if saved.model.stack is not None:
            write_stack(again, saved.model.stack, saved.facts)
        write_domain(again, saved.domain)
        for path in sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".yaml") and path.is_file()):
            written = again / path.relative_to(folder)
            if not written.is_file() or not within(content_of(path), content_of(written)):
                return path.name
    return None


def content_of(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    content = parse_yaml(text, path.name) if path.suffix == ".yaml" else json.loads(text)
    return {name: value for name, value in content.items() if name not in (BESIDE, DIGEST)}


def within(part: Any, whole: Any) -> bool:
    """Whether all that `part` says is said by `whole`."""
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        return all(name in whole and within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in (part, whole)):
        return abs(part - whole) <= 1e-6 * abs(part)
    return type(part) is type(whole) and part == whole
