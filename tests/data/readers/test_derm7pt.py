from __future__ import annotations

import csv
import math

import pytest
from PIL import Image
from rich.console import Console

from mmdx.data.readers.derm7pt import TASKS, read
from mmdx.data.store.check import check_studies
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.errors import DataError
from mmdx.schema import Component, SplitOptions
from mmdx.study import groups_of

COLUMNS = (
    *("case_num", "diagnosis", "seven_point_score", "pigment_network", "streaks", "pigmentation"),
    *("regression_structures", "dots_and_globules", "blue_whitish_veil", "vascular_structures"),
    *(
        "level_of_diagnostic_difficulty",
        "elevation",
        "location",
        "sex",
        "management",
        "clinic",
        "derm",
        "case_id",
        "notes",
    ),
)
CALM = {
    "diagnosis": "clark nevus",
    "seven_point_score": "0",
    **dict.fromkeys([column for column, _ in list(TASKS.values())[1:]], "absent"),
}


def release(root, *rows: dict[str, str], splits: dict[str, str] | None = None, absent: tuple[str, ...] = ()):
    """The released layout with these rows; each split list holds the rows that `splits` names, `0 1` for two."""
    for folder in ("meta", "images/NEL"):
        (root / folder).mkdir(parents=True)
    with (root / "meta" / "meta.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["", *COLUMNS])
        writer.writeheader()
        for number, row in enumerate(rows):
            named = {"clinic": f"NEL/{number}c.jpg", "derm": f"NEL/{number}d.jpg", "case_num": str(number + 1)}
            full = {"": str(number), **dict.fromkeys(COLUMNS, "")} | CALM | named | row
            writer.writerow(full)
            for name in (full["clinic"], full["derm"]):
                if name not in absent:
                    Image.new("RGB", (8, 6), (number, 90, 200)).save(root / "images" / name)
    given = {"train": "0", "valid": "1", "test": "2"} if splits is None else splits
    for name, indexes in given.items():
        lines = [f"{line},{index}" for line, index in enumerate(indexes.split())]
        (root / "meta" / f"{name}_indexes.csv").write_text("\n".join([",indexes", *lines]) + "\n")
    return root


def positive(study) -> set[str]:
    return {finding for finding, value in study.labels.items() if value == 1.0}


def test_a_study_is_a_lesion_with_two_images(tmp_path):
    facts = {"sex": "female", "location": "back", "elevation": "flat", "level_of_diagnostic_difficulty": "low"}
    leaks = {"management": "excision", "notes": "melanoma on follow-up", "case_id": "9"}
    first, second, third = studies = read(release(tmp_path, facts | leaks, {}, {}))
    check_studies(studies)
    assert [(s.study_id, s.patient_id, s.split) for s in studies] == [
        ("1", "1", "train"),
        ("2", "2", "val"),
        ("3", "3", "test"),
    ]
    assert list(first.modalities) == ["clinic", "derm"]
    assert [ref.path.name for ref in first.modalities["derm"].images] == ["0d.jpg"]
    assert {m.channels for m in first.modalities.values()} == {3}
    assert first.modalities["clinic"].order.source == "given"
    assert first.traits == facts
    assert second.traits == {}
    assert [s.problems for s in studies] == [(), (), ()]
    assert third.modalities["clinic"].images[0].path == tmp_path / "images" / "NEL" / "2c.jpg"


def test_eight_groups_and_their_classes(tmp_path):
    first, *_ = read(release(tmp_path, {}, {}, {}))
    assert groups_of(first.labels) == {
        "DIAG": ("DIAG/BCC", "DIAG/NEV", "DIAG/MEL", "DIAG/MISC", "DIAG/SK"),
        "PN": ("PN/ABS", "PN/TYP", "PN/ATP"),
        "BWV": ("BWV/ABS", "BWV/PRS"),
        "VS": ("VS/ABS", "VS/REG", "VS/IR"),
        "PIG": ("PIG/ABS", "PIG/REG", "PIG/IR"),
        "STR": ("STR/ABS", "STR/REG", "STR/IR"),
        "DaG": ("DaG/ABS", "DaG/REG", "DaG/IR"),
        "RS": ("RS/ABS", "RS/PRS"),
    }
    assert positive(first) == {
        *("DIAG/NEV", "PN/ABS", "BWV/ABS", "VS/ABS", "PIG/ABS", "STR/ABS", "DaG/ABS", "RS/ABS"),
    }
    assert set(first.labels.values()) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("column", "word", "finding", "points"),
    [
        ("diagnosis", "basal cell carcinoma", "DIAG/BCC", 0),
        ("diagnosis", "reed or spitz nevus", "DIAG/NEV", 0),
        ("diagnosis", "melanoma (less than 0.76 mm)", "DIAG/MEL", 0),
        ("diagnosis", "melanoma metastasis", "DIAG/MEL", 0),
        ("diagnosis", "vascular lesion", "DIAG/MISC", 0),
        ("diagnosis", "seborrheic keratosis", "DIAG/SK", 0),
        ("pigment_network", "typical", "PN/TYP", 0),
        ("pigment_network", "atypical", "PN/ATP", 2),
        ("blue_whitish_veil", "present", "BWV/PRS", 2),
        ("vascular_structures", "wreath", "VS/REG", 0),
        ("vascular_structures", "linear irregular", "VS/IR", 2),
        ("pigmentation", "localized regular", "PIG/REG", 0),
        ("pigmentation", "diffuse irregular", "PIG/IR", 1),
        ("streaks", "irregular", "STR/IR", 1),
        ("dots_and_globules", "irregular", "DaG/IR", 1),
        ("regression_structures", "combinations", "RS/PRS", 1),
    ],
)
def test_words_classes_and_points(tmp_path, column, word, finding, points):
    row = {column: word, "seven_point_score": str(points)}
    first, *_ = read(release(tmp_path, row, {}, {}))
    assert finding in positive(first)
    assert first.problems == ()


def test_a_score_that_does_not_fit_is_named(tmp_path):
    first, second, third = read(
        release(
            tmp_path, {"seven_point_score": "3", "streaks": "irregular"}, {"seven_point_score": ""}, {"streaks": ""}
        )
    )
    assert first.problems == ("seven_point_score is 3, but its criteria add up to 1; both kept",)
    assert (second.problems, third.problems) == ((), ())


def test_an_empty_cell_leaves_its_group_unknown(tmp_path):
    studies = read(release(tmp_path, {"diagnosis": ""}, {}, {}))
    check_studies(studies)
    known = {f for f, value in studies[0].labels.items() if not math.isnan(value)}
    assert not any(finding.startswith("DIAG/") for finding in known)
    assert len(known) == 19


def test_a_strange_word_is_refused_at_its_place(tmp_path):
    release(tmp_path, {}, {"diagnosis": "clarks nevus"}, {})
    with pytest.raises(DataError, match=r"row 3, column 'diagnosis': 'clarks nevus' is none.*mean 'clark nevus'"):
        read(tmp_path)


def test_a_missing_or_broken_image_is_named(tmp_path):
    root = release(tmp_path, {}, {"derm": "../../x.jpg"}, {}, absent=("NEL/0c.jpg", "../../x.jpg"))
    (root / "images" / "NEL" / "2c.jpg").write_bytes(b"x")
    (root / "images" / "NEL" / "2d.jpg").unlink()
    first, second, third = studies = read(root)
    check_studies(studies)
    assert list(first.modalities) == ["derm"]
    assert "row 2, column 'clinic': no file 'NEL/0c.jpg'" in first.problems[0]
    assert list(second.modalities) == ["clinic"]
    assert "'../../x.jpg' leaves" in second.problems[0]
    assert third.modalities == {}
    assert len(third.problems) == 2


def test_one_file_for_both_images_is_the_dermoscopic_one(tmp_path):
    row = {"clinic": "NEL/7.jpg", "derm": "NEL/7.jpg"}
    first, second, third = read(release(tmp_path, row, {"clinic": "", "derm": ""}, {}, absent=("",)))
    assert list(first.modalities) == ["derm"]
    assert "row 2, column 'clinic': names the dermoscopic image, NEL/7.jpg" in first.problems[0]
    assert list(second.modalities) == []
    assert "'' is no file name" in second.problems[0]
    assert list(third.modalities) == ["clinic", "derm"]


def test_a_lesion_in_no_list_is_named(tmp_path):
    *_, last = read(release(tmp_path, {}, {}, {}, {}))
    assert last.split is None
    assert last.problems == ("stands in none of the official index files; its split is dealt",)


@pytest.mark.parametrize(
    ("splits", "problem"),
    [
        ({"train": "0", "valid": "1", "test": "3"}, "test_indexes.csv, row 2, column 'indexes': '3' is no row"),
        ({"train": "0 x", "valid": "1", "test": "2"}, "train_indexes.csv, row 3, column 'indexes': 'x' is no row"),
        (
            {"train": "0 1", "valid": "1", "test": "2"},
            "valid_indexes.csv, row 2, column 'indexes': row 1 has its split",
        ),
        ({"train": "0", "test": "2"}, "valid_indexes.csv: no such table"),
    ],
)
def test_bad_lists_are_refused(tmp_path, splits, problem):
    release(tmp_path, {}, {}, {}, splits=splits)
    with pytest.raises(DataError) as error:
        read(tmp_path)
    assert problem in str(error.value)


def test_every_lesion_needs_its_number(tmp_path):
    release(tmp_path, {}, {"case_num": ""}, {})
    with pytest.raises(DataError, match=r"row 3, column 'case_num': is empty"):
        read(tmp_path)


def test_a_store_keeps_the_split_and_records_the_groups(tmp_path):
    root = release(tmp_path / "raw", {}, {}, {})
    recipe = Recipe(Component(type="derm7pt"), root, size=8)
    store = prepare_store(recipe, tmp_path / "store", SplitOptions(), Console(quiet=True))
    assert list(store.splits) == ["train", "val", "test"]
    assert store.description["groups"]["BWV"] == ["BWV/ABS", "BWV/PRS"]
    assert list(store.description["groups"]) == list(TASKS)
    assert {name: facts.channels for name, facts in store.modalities.items()} == {"clinic": 3, "derm": 3}
