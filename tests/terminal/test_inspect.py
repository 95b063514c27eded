"""What inspect shows is fit for JSON and for a terminal of 80 columns."""

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mmdx.engine.intake.inspect import rows_of
from mmdx.study import ImageFiles, ImageRef, Order, Study, VectorFiles
from mmdx.terminal.inspect import summary, table

ROOT = Path("exams")
UID = "1.2.840.113619.2.55.3.2831178355.{}.1445.1262349.20040826185059.971.1"
CT = ImageFiles(
    (ImageRef(ROOT / "a" / "1.dcm"), ImageRef(ROOT / "a" / "m.dcm", 0), ImageRef(ROOT / "a" / "m.dcm", 7)),
    Order("position", spacing_mm=2.5, gaps=(0,), duplicates=(2,), agrees=False),
    "HU",
)
STUDIES = [
    Study(UID.format(7), "p1", {"ct": CT, "report": "Fall."}, problems=("a slice is missing",)),
    Study("b/broken.dcm", "", {}, problems=("b/broken.dcm: not a DICOM file",)),
]


def printed(studies: Sequence[Study], width: int = 80) -> list[str]:
    """The lines of the table in a terminal of that width."""
    console = Console(width=width, file=StringIO(), record=True)
    console.print(table(rows_of(studies, ROOT), width=width))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_rows_say_everything_of_each_modality():
    ct, report, broken = rows_of(STUDIES, ROOT)
    assert ct == {
        "study_id": UID.format(7),
        "patient_id": "p1",
        "modality": "ct",
        "kind": "images",
        "images": 3,
        "order_source": "position",
        "spacing_mm": 2.5,
        "gaps": [0],
        "duplicates": [2],
        "turned": "",
        "problems": ["a slice is missing"],
        "files": ["a/1.dcm", "a/m.dcm", "a/m.dcm#7"],
    }
    assert (report["modality"], report["images"], report["order_source"], report["files"]) == ("report", 0, None, [])
    assert (broken["modality"], broken["kind"], broken["images"], len(broken["problems"])) == ("", "", 0, 1)
    assert json.loads(json.dumps(rows_of(STUDIES, ROOT))) == rows_of(STUDIES, ROOT)


def test_what_is_turned_for_display_is_said():
    images = ImageFiles(CT.images, Order("position", axes="LA"))
    studies = [Study("s", "p", {"ct": images}), Study("t", "p", {"ct": CT})]
    assert [row["turned"] for row in rows_of(studies, ROOT)] == ["LA to LP", ""]
    assert [line.split()[-1] for line in printed(studies)[:2]] == ["turned", "LP"]


def test_vectors_name_their_files_and_are_no_images():
    study = Study("s", "p", {"slide": VectorFiles((ROOT / "a.npy", ROOT / "b.npy"), 4), "report": "Fit."})
    found = rows_of([study], ROOT)
    assert (found[0]["images"], found[0]["order_source"], found[0]["files"]) == (0, None, ["a.npy", "b.npy"])
    assert [line.split()[-1] for line in printed([study])[1:3]] == ["vectors", "text"]
    assert summary(found) == "studies 1 · patients 1 · images 0 · order none · refused 0"


def test_files_of_a_single_file_study_are_named_from_its_folder(tmp_path):
    path = tmp_path / "one.dcm"
    path.touch()
    study = Study("s", "p", {"ct": ImageFiles((ImageRef(path),), Order("position"))})
    assert rows_of([study], path)[0]["files"] == ["one.dcm"]


def test_a_line_a_modality_and_problems_below_their_study():
    assert printed(STUDIES) == [
        "study                             modality  images  order      mm  gaps  doubles",
        "1.2.840…349.20040826185059.971.1  ct             3  position  2.5  1: 0  1: 2",
        "                                  report      text",
        "    a slice is missing",
        "b/broken.dcm                                        refused",
        "    not a DICOM file",
        "",
        "studies 2 · patients 1 · images 3 · order position 1 · refused 1",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(width):
    problem = "kept out 9 image(s) of series 1: differs in size (SC_rgb_rle_16bit_2frame.dcm, SC_rgb_rle_2frame.dcm)"
    gaps = ImageFiles(CT.images * 10, Order("instance", 0.123456, tuple(range(20)), tuple(range(20))))
    lines = printed(
        [*STUDIES, Study(UID.format(8), "p2", {"a_long_name_of_a_modality": gaps}, problems=(problem,))], width
    )
    assert max(map(len, lines)) <= width
    words = {word for line in lines for word in line.split()}
    assert set(problem.split()) <= words
    assert {"20:", "…", "0.1235"} <= words


def test_names_that_differ_near_their_end_stay_apart():
    shown = [line.split()[0] for line in printed([Study(f"{UID[:-2]}{i}", "p", {"ct": CT}) for i in range(9)])[1:10]]
    assert len(set(shown)) == 9


def test_empty_columns_are_left_out():
    photo = ImageFiles((ImageRef(ROOT / "a.png"),), Order("given"))
    assert printed([Study("s", "p", {"photo": photo})])[:2] == [
        "study  modality  images  order",
        "s      photo          1  given",
    ]


def test_brackets_are_shown_as_they_are():
    lines = printed([Study("[bold]x", "p", {}, problems=("left [out]",))])
    assert [lines[1].split(), lines[2]] == [["[bold]x", "refused"], "    left [out]"]


def test_a_problem_of_many_studies_stands_once_with_its_count():
    studies = [Study(f"s{i}", "", {}, problems=(f"s{i}: no StudyInstanceUID", f"own {i}")) for i in range(3)]
    lines = printed(studies)
    assert [line for line in lines if "StudyInstanceUID" in line] == ["3 studies: no StudyInstanceUID (s0, s1, …)"]
    assert [f"    own {i}" in lines for i in range(3)] == [True] * 3
    assert "    no StudyInstanceUID" in printed(studies[:2])


def test_of_many_problems_five_are_shown_and_the_rest_counted():
    lines = printed([Study("s", "p", {"ct": CT}, problems=tuple(f"problem {i}" for i in range(8)))])
    assert lines[2:8] == [*(f"    problem {i}" for i in range(5)), "    +3 more (see --json)"]
    assert "more" not in "".join(printed([Study("s", "p", {"ct": CT}, problems=("a", "b", "c", "d", "e"))]))


def test_the_summary_counts_studies_once():
    photo = ImageFiles((ImageRef(ROOT / "a.png"),), Order("given"))
    found = [*STUDIES, Study("c", "p1", {"ct": CT, "photo": photo}), Study("d", "p2", {"report": "Fit."})]
    assert summary(rows_of(found, ROOT)) == "studies 4 · patients 2 · images 7 · order position 2, given 1 · refused 1"
    assert summary(rows_of(found[-1:], ROOT)) == "studies 1 · patients 1 · images 0 · order none · refused 0"


def test_images_within_a_file_are_named_by_their_array_and_place(tmp_path):
    refs = tuple(ImageRef(tmp_path / "a.npz", frame, "train_images") for frame in (0, 1))
    (row,) = rows_of([Study("s", "p", {"image": ImageFiles(refs, Order("given"))})], tmp_path)
    assert row["files"] == ["a.npz#train_images#0", "a.npz#train_images#1"]


def test_names_that_would_break_a_line_or_turn_it_round_are_written_out():
    odd = Study("a\nb\u202e\udcff", "p", {}, problems=("a\nb: broken",))
    lines = printed([odd])
    assert lines[1].split() == ["a\\nb\\u202e\\udcff", "refused"]
    assert lines[2].strip() == "a\\nb: broken"
