"""The Croissant file of a store is valid, and its records can be loaded."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cohorts
import mlcroissant
import pytest

from mmdx.data.splits.splits import read_splits
from mmdx.data.store.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = tmp_path_factory.mktemp("croissant")
    return cohorts.prepared(cohorts.folder_cohort(home / "raw", per_patient=2, studies=16), home / "out")


def loaded(folder: Path):
    return mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))


def test_mlcroissant_finds_no_error(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        metadata = loaded(store.folder).metadata
    assert metadata.ctx.issues.errors == set()
    # What it recommends beside: a citation, a date and a version, which a store does not have.
    assert {line.rpartition('"')[0].rpartition("/")[2] for line in metadata.ctx.issues.warnings} == {
        "citeAs",
        "datePublished",
        "version",
    }


def test_the_studies_can_be_loaded(store: Store) -> None:
    records = [
        {name.removeprefix("studies/"): value.decode() for name, value in record.items()}
        for record in loaded(store.folder).records("studies")
    ]
    assert {record["study_id"]: record["split"] for record in records} == read_splits(store.folder / "splits.csv")
    assert {record["study_id"]: record["patient_id"] for record in records} == dict(
        zip(store.study_ids, store.patient_ids, strict=True)
    )


def test_shards_are_described_and_the_split_is_sealed(store: Store) -> None:
    content = json.loads((store.folder / "croissant.json").read_text())
    table, shards = content["distribution"]
    named = sorted(path.name for path in store.folder.glob(shards["includes"]))
    assert named == [f"shard-{index:05d}.arrow" for index in range(store.description["shards"])]
    assert len(table["sha256"]) == 64
    (store.folder / "splits.csv").write_text((store.folder / "splits.csv").read_text().replace("val", "test"))
    with pytest.raises(Exception, match=r"splits\.csv"):
        list(loaded(store.folder).records("studies"))
