"""Whatever the files hold: studies in = studies stored + studies quarantined, or a line says why there is no store."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cohorts
import raw_dicom
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmdx.data.store.prepare import prepare_store
from mmdx.data.tables.tables import read_table
from mmdx.errors import DataError, MmdxError
from mmdx.schema import SplitOptions
from mmdx.study import Study

ODD = st.sampled_from(
    (
        *("", " ", "1", "0", "-1", "1.0", "nan", "yes", "p1", "s1", "train", "test", "1.png", "2.png", "none.png"),
        *("../1.png", "/etc/passwd", "1.png;2.png", '["1.png"]', "[1]", "[", "line\nbreak", "a,b", '"', "ü€\u202e"),
        *("\0", "x" * 300, "1e999", "folder", "b.png", "\udcff", "\ud800"),
    )
)
TEXT = ODD | st.text(max_size=12)
COLUMNS = st.sampled_from(
    [
        "study_id",
        "patient_id",
        "split",
        "report",
        "file_name",
        "file_names",
        "folder",
        "bleed",
        "age",
        "ct_file_name",
        "",
    ]
)


def lines_of(error: MmdxError) -> tuple[str, ...]:
    assert error.problems
    assert all(len(line.splitlines()) == 1 for line in error.problems), error.problems
    return error.problems


def nothing_is_lost(root: Path, *, reader: str, **options: Any) -> None:
    """Prepares `root`, and counts."""
    recipe = cohorts.recipe(root, reader=reader, **options)
    try:
        studies: list[Study] = recipe.read()
    except MmdxError as error:
        lines_of(error)
        return
    console, said = cohorts.quiet()
    with TemporaryDirectory() as out:
        try:
            store = prepare_store(recipe, Path(out) / "store", SplitOptions(val=0.2, test=0.2), console)
        except MmdxError as error:
            lines_of(error)
            return
        with (Path(out) / "store" / "quarantine.csv").open(encoding="utf-8", newline="") as file:
            quarantined = list(csv.DictReader(file))
        ids = store.study_ids
        assert len(ids) + len(quarantined) == len(studies)
        assert len(set(ids)) == len(ids)
        assert all(len(row["reason"].splitlines()) == 1 for row in quarantined)
        assert f"{len(ids)} studies" in said.getvalue()
        assert f"{len(quarantined)} quarantined" in said.getvalue()


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"a,b\n1,2\n")
@example(b'{"a": {"b": [[[1]]]}}\n')
@example(b'"')
@example(b"a\rb")
@example(b"\xef\xbb\xbfa\n1\n")
@example(b'{"a": NaN}\n')
def test_a_table_is_read_or_named(content):
    with TemporaryDirectory() as temporary:
        for suffix in ("csv", "jsonl"):
            path = Path(temporary) / f"t.{suffix}"
            path.write_bytes(content)
            try:
                table = read_table(path)
            except DataError as error:
                lines_of(error)
                continue
            assert table.rows
            for row in table.rows:
                for column in table.columns:
                    try:
                        row.text(column), row.fact(column)
                    except DataError as error:
                        lines_of(error)


def images(root: Path) -> None:
    for number in range(4):
        cohorts.write_png(root / f"{number}.png", 40 * number)
        cohorts.write_png(root / "folder" / f"{number}.png", 40 * number)
    (root / "b.png").write_bytes(b"broken")


CELLS = st.fixed_dictionaries(
    {}, optional={"study_id": TEXT, "patient_id": TEXT, "file_name": TEXT, "bleed": TEXT, "report": TEXT, "split": TEXT}
)


@settings(max_examples=25)
@given(st.lists(st.dictionaries(COLUMNS, TEXT | st.integers() | st.lists(TEXT, max_size=2), max_size=4), max_size=5))
def test_rows_of_json_lines(rows):
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        images(root)
        good = [{"study_id": f"g{k}", "patient_id": f"q{k}", "file_name": "1.png", "bleed": k % 2} for k in range(6)]
        lines = [json.dumps(row) + "\n" for row in (*good, *rows)]
        (root / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")
        nothing_is_lost(root, reader="folder")


@settings(max_examples=25)
@given(st.lists(CELLS, max_size=4))
def test_rows_of_csv(rows):
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        images(root)
        columns = ["study_id", "patient_id", "file_name", "bleed", "report", "split"]
        good = [{"study_id": f"g{k}", "patient_id": f"q{k}", "file_name": "1.png", "bleed": k % 2} for k in range(6)]
        with (root / "metadata.csv").open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows([*good, *rows])
        nothing_is_lost(root, reader="folder")


NAMES = st.lists(st.text("ab1.é \n", min_size=1, max_size=6), min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from(["png", "broken.png", "text", "empty", "dicom"])


@settings(max_examples=25)
@given(st.dictionaries(NAMES, CONTENTS, max_size=6))
def test_folders_of_any_name(found):
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        whole, *_ = (cohorts.write_png(root / f"g{k}" / "1.png", 40 * k).read_bytes() for k in range(6))
        contents = {"png": whole, "broken.png": whole[:20], "text": b"text", "empty": b""}
        contents["dicom"] = raw_dicom.file_bytes(raw_dicom.slice_elements(1))
        for name, kind in found.items():
            path = root / f"{name}{'.png' if 'png' in kind else ''}"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(contents[kind])
            except OSError:  # a name that the disk refuses, such as one that is taken by a folder
                continue
        nothing_is_lost(root, reader="folder")


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 7), raw_dicom.odd_elements(), raw_dicom.odd_syntaxes(), st.none() | st.integers(0, 700)
        ),
        max_size=4,
    )
)
def test_dicom_headers(odd):
    with TemporaryDirectory() as temporary:
        root = Path(temporary)
        for k in range(6):
            elements = raw_dicom.slice_elements(1, study=f"1.2.{k}", patient=f"p{k}")
            (root / f"{k}.dcm").write_bytes(raw_dicom.file_bytes(elements))
        for number, (study, elements, syntax, cut) in enumerate(odd):
            own = raw_dicom.slice_elements(2 + number, study=f"1.2.{study}", patient=f"p{study}")
            content = raw_dicom.file_bytes(raw_dicom.overlaid(own, elements), syntax=syntax)
            (root / f"odd{number}.dcm").write_bytes(content[:cut])
        nothing_is_lost(root, reader="dicom")
