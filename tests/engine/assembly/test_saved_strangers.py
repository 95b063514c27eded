"""A model folder with anything wrong in it is refused in lines, or says what it said before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from oddities import mutated
from strange_model import answer, write_model

from mmdx.engine.assembly.saved import load_model
from mmdx.errors import MmdxError
from mmdx.strangers.sealed import BESIDE, DIGEST, write_sealed

_PLACE = TemporaryDirectory()
MODEL = write_model(Path(_PLACE.name) / "model")
EXPECTED = answer(load_model(MODEL))


def content_of(name: str) -> dict[str, Any]:
    text = (MODEL / name).read_text(encoding="utf-8")
    content = yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)
    return {key: value for key, value in content.items() if key not in (DIGEST, BESIDE)}


def said(folder: Path) -> str | None:
    """What the model in a folder answers; None where it is refused in lines, and nothing else may be raised."""
    problems: tuple[str, ...] = ()
    try:
        return answer(load_model(folder))
    except MmdxError as error:
        problems = error.problems
    assert problems
    assert all(len(line.splitlines()) == 1 for line in problems)
    return None


def loads_or_refuses(name: str, content: Any) -> None:
    """Loads the model with other content in a file of it: sealed anew, as a forger would; and as damage would be."""
    with TemporaryDirectory() as place:
        folder = Path(shutil.copytree(MODEL, Path(place) / "model"))
        path = folder / name
        if name == "config.yaml":
            path.write_text(json.dumps(content), encoding="utf-8")
            facts = folder / "model.json"
            write_sealed(facts, content_of("model.json"), [path, *(folder / "tokenizers").rglob("*.json")])
        elif "tokenizer" in name:
            path.write_text(json.dumps(content), encoding="utf-8")
            write_sealed(folder / "model.json", content_of("model.json"))
        else:
            write_sealed(path, content)
        said(folder)
        shutil.copyfile(MODEL / "model.json", folder / "model.json")
        if name in ("config.yaml", "tokenizers/report/tokenizer.json") and content != content_of(name):
            with pytest.raises(MmdxError):
                load_model(folder)


@settings(max_examples=40)
@pytest.mark.parametrize("name", ["model.json", "calibration.json", "config.yaml"])
@given(data=st.data())
def test_any_field_of_a_description(name: str, data: st.DataObject) -> None:
    loads_or_refuses(name, data.draw(mutated(content_of(name))))


@settings(max_examples=30)
@given(data=st.data())
def test_any_field_of_a_tokenizer(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["tokenizers/report/tokenizer.json", "tokenizers/report/length.json"]))
    loads_or_refuses(name, data.draw(mutated(content_of(name))))


@settings(max_examples=60)
@given(data=st.data())
def test_any_byte_of_any_file(data: st.DataObject) -> None:
    names = sorted(path.relative_to(MODEL) for path in MODEL.rglob("*") if path.is_file())
    name = data.draw(st.sampled_from(names))
    content = bytearray((MODEL / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with TemporaryDirectory() as folder:
        model = Path(shutil.copytree(MODEL, Path(folder) / "model"))
        (model / name).write_bytes(content)
        assert said(model) in (EXPECTED, None)
