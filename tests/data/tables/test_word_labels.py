from __future__ import annotations

import math

import pytest

from mmdx.data.readers import register_all
from mmdx.data.tables.tables import read_table
from mmdx.data.tables.word_labels import word_labels
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS
from mmdx.schema import Component

register_all()
ROWS = """study,icu,diagnosis,grade,b/c
a,Yes , Nevus,1,x
b,no,melanoma,2.0,y
c,,NEVUS,,
d,YES,"seborrheic  keratosis",1,x
"""


def table(tmp_path, text: str = ROWS):
    (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
    return read_table(tmp_path / "metadata.csv")


def option(labels):
    """The option as a config gives it, checked."""
    return READERS.options(Component(type="folder", labels=labels))["labels"]


def labels_of(tmp_path, labels, text: str = ROWS):
    found = table(tmp_path, text)
    (words,) = word_labels(found, option(labels)).values()
    return words, [words.of(row) for row in found.rows]


def test_words_in_any_case_and_with_spaces(tmp_path):
    words, labels = labels_of(tmp_path, {"icu": {"yes": 1, "no": 0}})
    assert words.findings == ("icu",)
    assert [label["icu"] for label in labels[:2]] == [1.0, 0.0]
    assert math.isnan(labels[2]["icu"])


def test_numbers_are_words_too_and_null_is_unknown(tmp_path):
    _, labels = labels_of(tmp_path, {"grade": {1: 0, 2: None}})
    assert (labels[0]["grade"], labels[3]["grade"]) == (0.0, 0.0)
    assert math.isnan(labels[1]["grade"])


def test_classes_make_a_group(tmp_path):
    words, labels = labels_of(tmp_path, {"diagnosis": "classes"})
    assert words.findings == ("diagnosis/melanoma", "diagnosis/Nevus", "diagnosis/seborrheic keratosis")
    assert [list(label.values()) for label in labels] == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_words_may_share_a_class_and_listed_classes_keep_their_order(tmp_path):
    words, _ = labels_of(tmp_path, {"diagnosis": ["nevus", "seborrheic keratosis", "melanoma"]})
    assert words.classes == ("nevus", "seborrheic keratosis", "melanoma")
    told = {"nevus": "benign", "seborrheic keratosis": "Benign", "melanoma": "malignant"}
    words, labels = labels_of(tmp_path, {"diagnosis": told})
    assert words.classes == ("benign", "malignant")
    assert labels[1] == {"diagnosis/benign": 0.0, "diagnosis/malignant": 1.0}


def test_json_values_are_words(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"a": true}\n{"a": false}\n{"a": null}\n{"a": 1.0}\n')
    found = read_table(tmp_path / "m.jsonl")
    words = word_labels(found, option({"a": {"true": 1, "false": 0, "1": 1}}))["a"]
    assert [words.of(row)["a"] for row in found.rows[:2]] == [1.0, 0.0]
    assert math.isnan(words.of(found.rows[2])["a"])


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (
            {"icu": {"yes": 1}},
            "column 'icu': labels.icu does not say what 'no' means (row 3); add it with 1, 0 or null",
        ),
        ({"icuu": {"yes": 1, "no": 0}}, "labels.icuu: no such column; did you mean 'icu'?"),
        ({"study": "classes"}, "labels.study: 'study' is no label, mmdx reads it as something else"),
        (
            {"diagnosis": ["nevus", "melanoma"]},
            "does not say what 'seborrheic keratosis' means (row 5); add it with its",
        ),
        ({"b/c": "classes"}, "column 'b/c': the classes of a column are called COLUMN/CLASS"),
    ],
)
def test_what_a_table_does_not_hold_or_say_is_refused(tmp_path, labels, line):
    with pytest.raises(DataError) as refused:
        word_labels(table(tmp_path), option(labels), ["study"])
    assert line in str(refused.value)
    assert len(refused.value.problems) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a,a/x\nx,1\ny,0\n", "its class would be called 'a/x' as another column is; rename one"),
        ("a\nx\nX\n", "holds 1 class; a group needs two"),
        ("a\n" + "".join(f"w{i}\n" for i in range(60)), "60 classes, no more than 50 can be"),
    ],
)
def test_columns_that_hold_no_classes(tmp_path, text, line):
    with pytest.raises(DataError) as refused:
        word_labels(table(tmp_path, text), option({"a": "classes"}))
    assert line in str(refused.value)


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (["icu"], "expected columns with their words"),
        ({"icu": 3}, "'icu' is 3; write {yes: 1, no: 0}, [class, class] or classes"),
        ({"icu": {"yes": 2, "no": 0}}, "'icu' maps a word to 2; a word says 1, 0, null or a class"),
        ({"icu": {"yes": 1, "YES ": 0}}, "'icu' names 'yes' twice"),
        ({"icu": {"yes": 1, "no": "none"}}, "'icu' maps words to 1 and to classes"),
        ({"icu": ["one"]}, "'icu' needs two classes or more"),
        ({"icu": {}}, "'icu' has no words"),
        ({"icu": {"a": None}}, "'icu' needs two classes or more, or words that say 1 or 0"),
    ],
)
def test_an_option_that_says_nothing_is_refused_in_one_line(labels, line):
    with pytest.raises(UsageError) as refused:
        option(labels)
    assert line in str(refused.value)
    assert len(refused.value.problems) == 1
    assert str(refused.value).startswith("reader folder.labels: ")


def test_the_option_reads_back_as_it_is_written():
    labels = {"icu": {"yes": 1, "no": 0, "unclear": None}, "d": ["a", "b"], "e": "classes"}
    resolved = READERS.resolve(Component(type="folder", labels=labels))
    assert READERS.resolve(resolved) == resolved
    assert resolved.options["labels"] == labels
