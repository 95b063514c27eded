"""A loader brings each study once, in batches bounded by images, with what is shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from cohorts import folder_cohort, prepared

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import BatchRecipe, Share, build_loader
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.texts import build_tokenizers

ROWS = [0, 1, 2, 4, 5]
"""Studies of 1, 2, 3, 2 and 3 images; all but the first have a report."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home: Path = tmp_path_factory.mktemp("loader")
    return prepared(folder_cohort(home / "raw"), home / "store")


@pytest.fixture(scope="module")
def recipe(store: Store) -> BatchRecipe:
    model = {"inputs": {"image": "timm", "report": "bilstm_attention"}}
    raw = {"data": {"store": str(store.folder)}, "model": model, "train": {"slices": 5}}
    config = resolve(parse_config(raw, "test"))
    return BatchRecipe(config, build_tokenizers(config, store, ROWS))


def test_batches_hold_at_most_so_many_images(store: Store, recipe: BatchRecipe) -> None:
    loader, sampler = build_loader(recipe, store, ROWS, shuffle=False)
    batches = list(loader)
    assert [list(batch.study_ids) for batch in batches] == [["s00", "s01"], ["s02", "s04"], ["s05"]]
    assert [batch.inputs["image"].lengths.tolist() for batch in batches] == [[1, 2], [3, 2], [3]]
    assert batches[0].present("report").tolist() == [False, True]
    assert len(sampler) == 3


def test_what_is_not_shown_is_absent(store: Store, recipe: BatchRecipe) -> None:
    loader, _ = build_loader(recipe, store, ROWS, shuffle=False, shown=["report"])
    (batch,) = loader
    assert batch.inputs["image"].lengths.tolist() == [0, 0, 0, 0, 0]
    assert batch.present("report").tolist() == [False, True, True, True, True]


def test_two_processes_take_every_other_batch(store: Store, recipe: BatchRecipe) -> None:
    shares = [build_loader(recipe, store, ROWS, shuffle=False, share=Share(rank, 2))[0] for rank in range(2)]
    assert [[list(batch.study_ids) for batch in loader] for loader in shares] == [
        [["s00", "s01"], ["s05"]],
        [["s02", "s04"]],
    ]


def test_studies_with_a_rare_finding_come_more_often_in_training_alone(store: Store, recipe: BatchRecipe) -> None:
    """One of six bleeds: by a balance of two thirds it comes sqrt(4) times."""
    rows = [0, 2, 4, 5, 6, 8]
    train = recipe.config.train.model_copy(update={"balance": 2 / 3})
    balanced = replace(recipe, config=recipe.config.model_copy(update={"train": train}))
    for shuffle, times in ((True, 2), (False, 1)):
        loader, _ = build_loader(balanced, store, rows, shuffle=shuffle)
        studies = Counter(study for batch in loader for study in batch.study_ids)
        assert studies == {store.study_ids[row]: times if row == 5 else 1 for row in rows}


def test_unknown_orders_are_marked_in_training_alone_and_unless_they_are_to_stay(
    store: Store, recipe: BatchRecipe
) -> None:
    def marked(*, shuffle: bool, **data: object) -> set[bool]:
        changed = recipe.config.model_copy(update={"data": recipe.config.data.model_copy(update=data)})
        loader, _ = build_loader(replace(recipe, config=changed), store, ROWS, shuffle=shuffle)
        masks = [batch.inputs["image"].unordered for batch in loader]
        return {value for mask in masks if mask is not None for value in mask.tolist()}

    assert marked(shuffle=True) == {False}
    assert marked(shuffle=True, order="shuffled") == {True}
    assert marked(shuffle=False, order="shuffled") == {False}
    assert marked(shuffle=True, order="shuffled", unknown_order="stored") == {False}
