"""What a run records before it trains, and what it refuses to go on with."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerate import Accelerator
from cohorts import folder_cohort, prepared

from mmdx.config_file import parse_config, read_config
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.runs.record import STORE_KEYS, read_environment, record_plan, record_store, same_store, splits_of
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout

CONFIG = parse_config({"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}}, "test")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Four studies, each of a patient of its own."""
    return prepared(folder_cohort(tmp_path / "raw", studies=4), tmp_path / "store", val=0.25, test=0.25)


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")


def test_a_plan_is_config_and_split(run: RunLayout, store: Store) -> None:
    record_plan(run, CONFIG, store, Splits(("train", "val", "test", "unused")))
    assert read_config(run.config) == CONFIG
    assert run.splits.read_text().splitlines()[1:] == ["s00,p00,train", "s01,p01,val", "s02,p02,test", "s03,p03,unused"]
    read_back = splits_of(run, store)
    assert read_back == Splits(("train", "val", "test", "unused"))
    assert read_back.patients("val") == {"p01"}


def test_a_run_goes_on_with_the_split_that_it_has(run: RunLayout, store: Store) -> None:
    splits = Splits(("train", "train", "val", "test"))
    record_plan(run, CONFIG, store, splits)
    record_plan(run, CONFIG, store, splits)
    with pytest.raises(DataError, match="deals its patients otherwise now; start a new run"):
        record_plan(run, CONFIG, store, Splits(("val", "train", "train", "test")))


def test_a_split_of_other_studies_is_refused(run: RunLayout, store: Store, tmp_path: Path) -> None:
    record_plan(run, CONFIG, store, Splits(("train", "train", "val", "test")))
    larger = prepared(folder_cohort(tmp_path / "raw5", studies=5), tmp_path / "store5")
    with pytest.raises(DataError, match=r"names 4 studies, the store .*store5 holds 5; the run was trained on another"):
        splits_of(run, larger)


def test_the_store_is_known_again_by_its_fingerprint(run: RunLayout, store: Store, tmp_path: Path) -> None:
    run.folder.mkdir()
    record_store(run, store, Accelerator(cpu=True))
    environment = read_environment(run)
    assert list(environment["store"]) == list(STORE_KEYS)
    assert (environment["store"]["studies"], environment["store"]["folder"]) == (4, str(store.folder))
    assert environment["device"] == "cpu"
    same_store(run, Store(store.folder.rename(tmp_path / "moved")))
    larger = prepared(folder_cohort(tmp_path / "raw5", studies=5), tmp_path / "store5")
    with pytest.raises(DataError, match=r"store5: is not the store that .*run was trained on"):
        record_store(run, larger, Accelerator(cpu=True))


def test_a_folder_that_is_no_run(run: RunLayout) -> None:
    with pytest.raises(UsageError, match=r"run: not a run folder \(no environment\.json\)"):
        read_environment(run)
