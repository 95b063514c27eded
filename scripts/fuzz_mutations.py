"""What can be wrong with a file that somebody else has made: values, keys, bytes, and what is no file at all."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ODD: tuple[Any, ...] = (
    *(0, -1, 1, 2, 7, 31, 33, 32.7, 0.5, -0.0, 1e-300, 1e300, 2**31, 2**63, 10**30, float("nan"), float("inf")),
    *("", " ", "..", ".", "../../../x", "/etc/passwd", "/dev/zero", "a\nb", "\x1b[31m", "\0", "ü\u202e", "[", "32"),
    *("os", "..os", "hub", "nan", "x" * 100_000, None, True, False, [], {}, [[]], [0], {"a": 1}),
)
"""What may stand where something else was."""
NESTED = 100_000


def mutated(chance: random.Random, value: Any) -> tuple[Any, str]:
    """Plain values with one thing changed somewhere, and what that is."""
    root = [copy.deepcopy(value)]
    places = list(_places(root))
    # A field near the top is as likely as one of a thousand numbers further down.
    depth = chance.choice(sorted({len(keys) for keys, _, _ in places}))
    keys, holder, key = chance.choice([place for place in places if len(place[0]) == depth])
    where = ".".join(map(str, keys)) or "all of it"
    way = chance.choice((*["odd"] * 6, "gone", "gone", "twice", "more", "wrapped", "near", "near"))
    old = holder[key]
    if way == "gone" and keys:
        del holder[key]
    elif way == "twice" and isinstance(holder, list) and keys:
        holder.insert(key, old)
    elif way == "more" and isinstance(old, dict):
        old[chance.choice(["strange", "0", "type", ""])] = chance.choice(ODD)
    elif way == "more" and isinstance(old, list):
        old.append(chance.choice(ODD))
    elif way == "wrapped":
        holder[key] = chance.choice([[old], {"0": old}, str(old)])
    elif way == "near" and isinstance(old, int | float) and not isinstance(old, bool):
        holder[key] = chance.choice([old + 1, old - 1, old * 2, -old, old * 1000, old / 2])
    else:
        holder[key] = chance.choice(ODD)
        return root[0], f"{where} is {str(holder[key])[:30]!r}"
    return root[0], f"{where}: {way}"


def _places(root: list[Any]) -> list[tuple[tuple[Any, ...], Any, Any]]:
    """Every place in plain values: the keys that lead there, what holds it and under which key."""
    places, waiting = [], [((), root, 0)]
    while waiting:
        keys, holder, key = waiting.pop()
        places.append((keys, holder, key))
        value = holder[key]
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [((*keys, name), value, name) for name, _ in inner]
    return places


def mutate_json(chance: random.Random, path: Path, change: Callable[[Any], Any] = lambda content: content) -> str:
    """Changes one thing in a JSON file; `change` is done to the content afterwards."""
    content, words = mutated(chance, json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(change(content)), encoding="utf-8")
    return words


def mutate_yaml(chance: random.Random, path: Path) -> str:
    content, words = mutated(chance, yaml.safe_load(path.read_text(encoding="utf-8")))
    try:
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    except (yaml.YAMLError, UnicodeEncodeError):  # it has no name for everything
        path.write_text(json.dumps(content), encoding="utf-8")
    return words


def mutate_bytes(chance: random.Random, path: Path) -> str:
    """Changes the bytes of a file, wherever they stand."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(len(content) or 1)
    way = chance.choice(["flip", "flip", "flip", "cut", "more", "zeros", "empty", "half twice"])
    if way == "flip" and content:
        for _ in range(chance.choice([1, 1, 1, 8])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del content[place:]
    elif way == "more":
        content[place:place] = chance.randbytes(chance.choice([1, 8, 4096]))
    elif way == "zeros":
        content[place : place + 64] = bytes(len(content[place : place + 64]))
    elif way == "half twice":
        content += content[place:]
    else:
        content.clear()
    path.write_bytes(content)
    return f"bytes: {way} at {place}"


def mutate_text(chance: random.Random, path: Path) -> str:
    """Puts something into the place of a JSON or a YAML file that breaks those who read it."""
    bombs: dict[str, bytes] = {
        "nested lists": b"[" * NESTED + b"]" * NESTED,
        "nested objects": b'{"a":' * NESTED + b"1" + b"}" * NESTED,
        "5000 digits": b'{"size": ' + b"9" * 5000 + b"}",
        "another encoding": path.read_bytes().decode("utf-8", "replace").encode("utf-16"),
        "latin-1": b'{"gr\xf6\xdfe": 1}',
        "a list": b"[1, 2]",
        "a number": b"7",
        "aliases": b"a0: &a0 {x: 1, y: 2}\n"
        + b"".join(
            b"a%d: &a%d {%s}\n" % (n, n, b", ".join(b"k%d: *a%d" % (k, n - 1) for k in range(10))) for n in range(1, 12)
        ),
        "an alias of itself": b"a: &a [*a]\n",
        "no end": b'{"a": "',
    }
    name = chance.choice(sorted(bombs))
    path.write_bytes(bombs[name])
    return name


def _of_aliases(number: int) -> bytes:
    """A line of YAML that stands for ten times as much as the one before it."""
    return b"a%d: &a%d {%s}\n" % (number, number, b", ".join(b"k%d: *a%d" % (k, number - 1) for k in range(10)))


def mutate_kind(chance: random.Random, path: Path) -> str:
    """Puts what is no file into its place, or nothing."""
    path.unlink()
    links = {"endless": "/dev/zero", "to nothing": "nothing", "to itself": path.name, "out": "/etc/hostname"}
    way = chance.choice(["gone", "pipe", "folder", "closed", *links])
    if way == "pipe":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way in links:
        path.symlink_to(links[way])
    elif way == "closed":
        path.write_bytes(b"x")
        path.chmod(0)
    return way


def copied(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)
