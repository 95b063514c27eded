"""What a second cohort calls the findings and modalities of a run."""

from __future__ import annotations

import re

import pytest

from mmdx.data.cohorts.names import Known, Names, join_names, joining_lines, parse_map
from mmdx.errors import UsageError

OURS = Known(("any", "subdural", "dx/nev", "dx/mel"), ("image", "report"))
THEIRS = Known(("ANY BLEED", "subdural", "dx/mel", "edema"), ("ct", "notes"))


def test_names_are_joined_by_name_and_as_stated():
    stated = parse_map(["ANY BLEED=any", "ct=image"])
    names = join_names(stated, OURS, THEIRS, store="B")
    assert dict(names.findings) == {"any": "ANY BLEED", "subdural": "subdural", "dx/mel": "dx/mel"}
    assert dict(names.modalities) == {"image": "ct"}
    assert names.renamed() == {"ct": "image", "ANY BLEED": "any"}


def test_what_is_called_something_else_is_not_what_has_its_name():
    ours, theirs = Known(("a", "b"), ()), Known(("a",), ())
    assert dict(join_names({"a": "b"}, ours, theirs, store="B").findings) == {"b": "a"}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("ANY BLED=any", "B has no 'ANY BLED'; did you mean 'ANY BLEED'?"),
        ("ANY BLEED=anyy", "the run has no 'anyy'; did you mean 'any'?"),
        ("any=ANY BLEED", "'any' is the run's name; turn it round: --map 'ANY BLEED=any'"),
        ("edema=image", "'edema' is a finding and 'image' a modality"),
        ("ct=any", "'ct' is a modality and 'any' a finding"),
    ],
)
def test_a_name_that_either_side_lacks_is_refused(word: str, said: str):
    with pytest.raises(UsageError, match=re.escape(said)):
        join_names(parse_map([word]), OURS, THEIRS, store="B")


@pytest.mark.parametrize("words", [["any"], ["=any"], ["a="], ["a=b", "a=c"], ["a=c", "b=c"]])
def test_a_word_that_is_no_pair_or_a_second_partner_is_refused(words: list[str]):
    with pytest.raises(UsageError, match="--map"):
        parse_map(words)


def test_what_is_lacking_renamed_or_beyond_is_said():
    names = Names({"any": "ANY BLEED", "dx/mel": "dx/mel"}, {"image": "ct"})
    assert joining_lines(names, OURS, THEIRS, store="B") == [
        "B: 'ct' is the run's 'image'",
        "B: 'ANY BLEED' is the run's 'any'",
        "left out, for B has no label of it: subdural, dx/nev",
        "group 'dx': 1 of its 2 classes are labelled, and measures of the group are over these",
        "findings of B that the run does not answer for: subdural, edema",
        "'report': B has none, so it is absent from every study",
        "modalities of B that the run does not read: notes",
    ]
