"""The store of a config, the store of a run, and how its patients are dealt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from accelerate import Accelerator
from cohorts import folder_cohort, prepared, quiet

from mmdx.config_file import parse_config
from mmdx.data.readers import register_all
from mmdx.data.store.store import Store
from mmdx.engine.assembly.store import deal, open_store, store_of
from mmdx.engine.runs.record import record_store
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.schema import Config

LEARNED = {"weights": {}, "training_rows": "out-of-fold", "folds": 5}


def config_of(**data: Any) -> Config:
    register_all()
    return parse_config({"data": data, "model": {"inputs": {"image": "timm"}}}, "test")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Ten studies, each of a patient of its own."""
    return folder_cohort(tmp_path / "raw")


def test_a_source_is_prepared_once(raw: Path, tmp_path: Path) -> None:
    config = config_of(reader="folder", source=str(raw), stores=str(tmp_path / "stores"), size=8)
    console, text = quiet()
    store = open_store(config, console)
    assert len(store) == 10
    assert store.folder.parent == tmp_path / "stores"
    text.truncate(0)
    assert open_store(config, console).folder == store.folder
    assert text.getvalue().strip("\0") == ""


def test_a_modality_that_no_study_has_is_refused_before_preparing(raw: Path, tmp_path: Path) -> None:
    register_all()
    data = {"reader": "folder", "source": str(raw), "stores": str(tmp_path / "stores")}
    config = parse_config({"data": data, "model": {"inputs": {"imge": "timm"}}}, "test")
    with pytest.raises(UsageError, match=r"model\.inputs\.imge: no study in .*raw has such a modality; did you mean"):
        open_store(config, quiet()[0])
    assert not list((tmp_path / "stores").glob("*/dataset.json"))


def test_patients_are_dealt_as_the_store_has_them_or_anew(raw: Path, tmp_path: Path) -> None:
    store = prepared(raw, tmp_path / "store")
    assert deal(config_of(store=str(store.folder)), store) == store.splits
    anew = deal(config_of(store=str(store.folder), split={"val": 0.3, "test": 0.4}), store)
    assert anew.counts() == {"train": 3, "val": 3, "test": 4}


def test_fewer_training_patients_leave_the_others_unused(raw: Path, tmp_path: Path) -> None:
    store = prepared(raw, tmp_path / "store")
    assert store.splits.counts() == {"train": 6, "val": 2, "test": 2}
    fewer = deal(config_of(store=str(store.folder), train_patients=4), store)
    assert fewer.counts() == {"train": 4, "val": 2, "test": 2, "unused": 2}
    assert (fewer.rows("val"), fewer.rows("test")) == (store.splits.rows("val"), store.splits.rows("test"))


def described(raw: Path, out: Path, origin: dict[str, Any]) -> Store:
    """The store of ten studies, as one whose descriptors are said to be of `origin`."""
    prepared(raw, out)
    path = out / "dataset.json"
    told = json.loads(path.read_text(encoding="utf-8")) | {"extracted": origin}
    del told["digest"]  # it would say that the file is another now
    path.write_text(json.dumps(told), encoding="utf-8")
    return Store(out)


def test_descriptors_of_frozen_encoders_are_dealt_anew_and_in_part(raw: Path, tmp_path: Path) -> None:
    frozen = {"weights": {}, "training_rows": "frozen encoder", "folds": None}
    store = described(raw, tmp_path / "store", frozen | {"before": frozen})
    anew = deal(config_of(store="s", split={"val": 0.3, "test": 0.4}, train_patients=2), store)
    assert anew.counts() == {"train": 2, "val": 3, "test": 4, "unused": 1}


@pytest.mark.parametrize(
    "origin",
    [
        LEARNED,
        {"weights": {}, "training_rows": "frozen encoder", "folds": None, "before": LEARNED},
    ],
)
def test_descriptors_of_models_that_learned_keep_their_split(raw: Path, tmp_path: Path, origin: dict) -> None:
    store = described(raw, tmp_path / "store", origin)
    assert deal(config_of(store="s"), store) == store.splits
    with pytest.raises(UsageError, match=r"data\.split: the descriptors of .*were made under its own split"):
        deal(config_of(store="s", split={}), store)
    with pytest.raises(UsageError, match=r"data\.train_patients: the descriptors of .*learned from all"):
        deal(config_of(store="s", train_patients=2), store)


def test_a_run_finds_its_store_where_it_was_or_where_its_config_says(raw: Path, tmp_path: Path) -> None:
    run, accelerator = RunLayout(tmp_path / "run"), Accelerator(cpu=True)
    run.folder.mkdir()
    store = prepared(raw, tmp_path / "store")
    record_store(run, store, accelerator)
    assert store_of(run, config_of(store="elsewhere"), accelerator).folder == store.folder
    moved = store.folder.rename(tmp_path / "moved")
    assert store_of(run, config_of(store=str(moved)), accelerator).folder == moved
    other = prepared(folder_cohort(tmp_path / "raw8", studies=8), tmp_path / "other")
    with pytest.raises(DataError, match=r"other: is not the store that .*run was trained on"):
        store_of(run, config_of(store=str(other.folder)), accelerator)
