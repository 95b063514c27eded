from __future__ import annotations

import pytest

from mmdx.data.tables.split_words import parse_split
from mmdx.errors import DataError


@pytest.mark.parametrize(
    ("word", "split"), [("Train", "train"), ("valid", "val"), (" validation ", "val"), ("dev", "val"), ("TEST", "test")]
)
def test_words_for_splits(word, split):
    assert parse_split(word, "here") == split


def test_no_word_is_no_split_and_others_are_refused():
    assert parse_split(" ", "here") is None
    with pytest.raises(DataError, match="here: split is 'holdout'; use train, val or test"):
        parse_split("holdout", "here")
