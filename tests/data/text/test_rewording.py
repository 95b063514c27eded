"""Reports in other words."""

from __future__ import annotations

import pickle

import pytest

from mmdx.data.text.rewording import CHANGES, RewordedTokenizer, mistyped, reordered, telegraphic
from mmdx.data.text.tokenizer import fit_tokenizer

REPORT = "INDICATION: fall from the stairs, drowsy patient\nFINDINGS: there is no bleeding within the ventricles"


def test_typing_errors_are_the_same_each_time_and_hit_a_tenth_of_the_longer_words():
    long = " ".join(["haemorrhage"] * 400)
    wrong = [word for word in mistyped(long).split() if word != "haemorrhage"]
    assert 20 <= len(wrong) <= 65
    assert all(abs(len(word) - len("haemorrhage")) <= 1 for word in wrong)
    assert mistyped(long) == mistyped(long)
    assert mistyped("a b CT 12") == "a b CT 12"


def test_sections_stand_in_the_reverse_order():
    assert reordered(REPORT).splitlines() == list(reversed(REPORT.splitlines()))


@pytest.mark.parametrize(("text", "other"), [("One. Two; three.", "three. Two; One."), ("One only", "One only")])
def test_without_headings_sentences_do(text: str, other: str):
    assert reordered(text) == other


def test_telegrams_have_capitals_and_no_small_words():
    assert telegraphic("There is a bleed of the temple.") == "BLEED TEMPLE."


def test_a_reworded_tokenizer_reads_the_other_words_and_travels():
    inner = fit_tokenizer([REPORT, "no fall"] * 2, max_tokens=32)
    other = RewordedTokenizer(inner, CHANGES["sections reordered"])
    assert other(REPORT).tolist() == inner(reordered(REPORT)).tolist() != inner(REPORT).tolist()
    assert pickle.loads(pickle.dumps(other))(REPORT).tolist() == other(REPORT).tolist()
    assert (other.vocabulary, other.max_tokens) == (inner.vocabulary, inner.max_tokens)
