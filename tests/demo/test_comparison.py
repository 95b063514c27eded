"""A written comparison read back: what the page shows of it, and what is refused of one that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from comparing import RECORD, write_comparison

from mmdx.demo.comparison import MEAN, Interval, Written, is_comparison
from mmdx.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_comparison(tmp_path / "compare")


def test_what_models_reach_and_how_they_differ_is_read(folder: Path) -> None:
    written = Written.of(folder)
    assert written.findings == [MEAN, "bleed"]
    assert written.metrics == {"auroc": "AUROC", "log_loss": "Log loss"}
    assert written.ground == "40 studies of 30 patients, split test"
    ours, image = written.measured(MEAN, "auroc")
    assert (ours.arm, ours.estimate, ours.difference) == ("image+report", Interval(0.9, 0.8, 0.95), None)
    assert (image.estimate, image.difference) == (Interval(0.8, 0.7, 0.85), Interval(0.1, 0.02, 0.2))
    assert (image.p, image.shown) == (0.01, True)
    assert written.measured("bleed", "auroc")[0].estimate == Interval(0.7, refused="4 patients")
    assert written.measured("bleed", "log_loss")[1].estimate is None


def test_subgroups_and_disagreements_are_read(folder: Path) -> None:
    written = Written.of(folder)
    assert (written.traits, written.second) == (["sex"], "image")
    assert [(group.name, group.patients) for group in written.groups("sex")] == [("f", 16), ("m", 14)]
    assert written.gap("sex") == (
        "From m to f it is 0.200; a gap beyond chance was not shown, which does not prove the groups alike."
    )
    assert written.gap("age") == ""
    (apart,) = written.disagreements
    assert (apart.study, apart.label, apart.reference_score, apart.score) == ("s1", 1, 0.9, 0.2)


def test_pictures_are_those_that_it_names(folder: Path, tmp_path: Path) -> None:
    written = Written.of(folder)
    assert written.picture("disagreement_01").startswith(b"\x89PNG")
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in ("disagreement_02", "../../secret", "auroc"):
        with pytest.raises(DataError, match="no picture of this comparison"):
            written.picture(name)
    (folder / "figures" / "disagreement_01.png").write_bytes(b"<svg>")
    with pytest.raises(DataError, match="is no PNG"):
        written.picture("disagreement_01")
    (folder / "figures" / "disagreement_01.png").unlink()
    with pytest.raises(DataError, match="missing"):
        written.picture("disagreement_01")


def test_a_name_that_leaves_the_folder_is_no_picture_even_where_the_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    away = {"figure": "../../secret", "study": "s1", "finding": "bleed", "caption": ""}
    written = Written.of(write_comparison(tmp_path / "compare", pictures=[away]))
    with pytest.raises(DataError, match="no picture of this comparison"):
        written.picture("../../secret")


@pytest.mark.parametrize(
    "broken",
    [
        {"estimates": None},
        {"estimates": [{}]},
        {"arms": 3},
        {"sections": {"disagreements": [{"row": "s1"}]}},
        {"sections": {"subgroups": {"groups": [{"trait": "sex"}]}}},
        {"patients": "many"},
        {"pictures": [1]},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_a_record_that_is_no_whole_comparison_is_told_in_one_line(tmp_path: Path, broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"compare\.json: is no whole comparison of this version; compare again"):
        Written.of(write_comparison(tmp_path / "compare", **broken))


def test_a_folder_of_a_comparison_is_no_run(folder: Path, tmp_path: Path) -> None:
    assert is_comparison(folder)
    assert not is_comparison(tmp_path)
    with pytest.raises(DataError, match="holds no comparison"):
        Written.of(tmp_path)
    (folder / "config.yaml").write_text("", encoding="utf-8")
    assert not is_comparison(folder)
    (folder / "compare.json").write_text(json.dumps([RECORD]), encoding="utf-8")
    with pytest.raises(DataError, match="no whole comparison"):
        Written.of(folder)
