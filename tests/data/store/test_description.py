"""`dataset.json` of a stranger: each field has its type and its bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cohorts
import pytest

from mmdx.data.store.description import layout_in, read_description
from mmdx.data.store.store import Store
from mmdx.errors import DataError
from mmdx.strangers.sealed import read_sealed, write_sealed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    return cohorts.prepared(cohorts.folder_cohort(folder / "raw"), folder / "out").folder


def test_what_a_store_says_is_read(whole: Path) -> None:
    description = read_description(whole)
    assert layout_in(description) == Store(whole).layout
    assert not {"digest", "beside"} & set(description)


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("size", "8", "size: "),
        ("size", 8.5, "size: "),
        ("size", 10**9, "size: 1000000000"),
        ("studies", -1, "studies: -1"),
        ("findings", {"a": 1}, "findings: "),
        ("findings", ["a", "a"], "findings name 'a' twice"),
        ("fingerprint", None, "fingerprint: "),
        ("split", [], "split: "),
        ("extracted", "x", "extracted: "),
        ("modalities", {"image": {"kind": "images", "unit": "mGy"}}, "modalities.image.unit: "),
        ("modalities", {"image": {"kind": "images", "channels": 0}}, "modalities.image.channels: 0"),
        ("modalities", {"image": {"kind": "sound"}}, "no stored modality is of kind 'sound'"),
        ("modalities", {"a.b": {"kind": "text"}}, "modalities name 'a.b'"),
    ],
)
def test_a_field_that_cannot_be_is_named(whole: Path, tmp_path: Path, field: str, value: Any, line: str) -> None:
    content = {**read_sealed(whole / "dataset.json", ""), field: value}
    write_sealed(tmp_path / "dataset.json", content)
    with pytest.raises(DataError) as caught:
        read_description(tmp_path)
    assert line in str(caught.value)
    assert all(problem.endswith("prepare the store again") for problem in caught.value.problems)


@pytest.mark.parametrize("field", ["fingerprint", "reader", "size", "modalities", "findings", "studies", "shards"])
def test_a_field_that_is_missing_is_named(whole: Path, tmp_path: Path, field: str) -> None:
    content = read_sealed(whole / "dataset.json", "")
    del content[field]
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf"dataset\.json: {field}: missing"):
        read_description(tmp_path)


@pytest.mark.parametrize("found", [None, True, "5", 5.0, [], 3])
def test_another_format_is_refused(whole: Path, tmp_path: Path, found: Any) -> None:
    write_sealed(tmp_path / "dataset.json", {**read_sealed(whole / "dataset.json", ""), "format": found})
    with pytest.raises(DataError, match="not a store of this version's format"):
        read_description(tmp_path)
