"""What a run tells, and what of it is looked for before anything leaves."""

from __future__ import annotations

import json

import pytest
from shared_run import NAME, PATIENT, SITE, STUDY, write_shared_run

from mmdx.engine.sharing.known import KnownRun, Result, check_private
from mmdx.errors import DataError


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> KnownRun:
    known = KnownRun.of(write_shared_run(tmp_path_factory.mktemp("known")))
    assert known is not None
    return known


def test_a_model_folder_alone_tells_nothing(known):
    assert KnownRun.of(known.run.best) is None


def test_it_tells_counts_results_and_thresholds(known):
    assert known.parts() == {"train": (1, 1), "val": (1, 1), "test": (1, 1)}
    shown = "image+report+clinic"
    assert known.results() == [
        Result(shown, None, 0.8, 0.7, 0.9),
        Result("image", None, 0.75, None, None),
        Result(shown, "bleed", 0.85, 0.75, 0.95),
    ]
    assert known.thresholds(shown, ["bleed", "fracture"]) == {"bleed": pytest.approx(0.45)}
    assert known.trait_patients() == {"age": {"50": 3}, "site": {"north clinic": 2, SITE: 1}}
    assert known.data_set() is None


def test_ids_and_paths_may_not_leave(known):
    ids, paths = known.private()
    assert ids == {PATIENT, STUDY, "s-0001", "s-0002"}  # p1 stands in any text
    assert str(known.run.folder) in paths
    assert str(known.run.folder.parent / "raw" / NAME) in paths


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("model.json", json.dumps({"a": [f"é {PATIENT}"]}), "holds 1 identifiers"),
        ("README.md", f"of {STUDY}, alone", "holds 1 identifiers"),
        ("config.yaml", "store: PLACE/stores/folder-1", "holds a path of this machine"),
    ],
)
def test_what_holds_them_is_refused_without_showing_them(known, tmp_path, name, text, words):
    (tmp_path / name).write_text(text.replace("PLACE", str(known.run.folder.parent)), encoding="utf-8")
    with pytest.raises(DataError, match=rf"^{name}: {words}") as refused:
        check_private(tmp_path, [name], known)
    assert PATIENT not in str(refused.value)
    assert STUDY not in str(refused.value)


def test_numbers_of_weights_are_no_text_but_their_header_is(known, tmp_path):
    header = json.dumps({"__metadata__": {"from": PATIENT}}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(DataError, match="holds 1 identifiers"):
        check_private(tmp_path, ["model.safetensors"], known)
    (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}" + PATIENT.encode())
    check_private(tmp_path, ["model.safetensors"], known)
