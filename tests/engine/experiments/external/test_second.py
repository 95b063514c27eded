"""The second cohort of an evaluation, as the command line names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cohorts import folder_cohort, prepared
from members import write_member

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.external.second import SecondCohort
from mmdx.engine.processes import make_accelerator
from mmdx.errors import UsageError


def test_words_that_belong_to_a_second_cohort_ask_for_one():
    assert SecondCohort.parsed(None, [], []) is None
    for named, words in ((["a=b"], []), ([], ["part=test"])):
        with pytest.raises(UsageError, match="name it with --on"):
            SecondCohort.parsed(None, named, words)
    parsed = SecondCohort.parsed("rsna_ich:raw", ["a=b"], ["part=test"])
    assert parsed == SecondCohort("rsna_ich:raw", {"a": "b"}, {"part": "test"})
    assert parsed.source == "raw"


def test_raw_files_are_prepared_at_the_size_of_the_run_and_a_store_is_taken_as_it_is(tmp_path: Path):
    saved = load_model(write_member(tmp_path / "model", seed=0))
    data = saved.config.data.model_copy(update={"stores": tmp_path / "stores"})
    saved = saved.with_config(lambda config: config.model_copy(update={"data": data}))
    raw, accelerator = folder_cohort(tmp_path / "raw"), make_accelerator()
    store = SecondCohort(f"folder:{raw}").opened(saved, accelerator)
    assert (store.layout.size, store.folder.parent, len(store)) == (32, tmp_path / "stores", 10)
    lies = prepared(raw, tmp_path / "lies")
    assert SecondCohort(str(lies.folder)).opened(saved, accelerator).fingerprint == lies.fingerprint
    for place, options, said in (
        (str(lies.folder), {"part": "test"}, "is prepared already"),
        (str(raw), {}, "no prepared store lies there"),
        (f"foldr:{raw}", {}, "no prepared store lies there"),
        ("folder:nowhere", {}, "no such file or folder"),
        (f"folder:{raw}", {"size": 16}, "size"),
    ):
        with pytest.raises(UsageError, match=re.escape(said)):
            SecondCohort(place, options=options).opened(saved, accelerator)
