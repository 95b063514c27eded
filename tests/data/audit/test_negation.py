"""Words and how far a negation reaches."""

from __future__ import annotations

import pytest

from mmdx.data.audit.negation import marked_tokens, split_term, words


@pytest.mark.parametrize(
    ("report", "negated"),
    [
        ("No haemorrhage.", ["haemorrhage"]),
        ("No mass, shift or bleed; fracture seen", ["mass", "shift", "or", "bleed"]),
        ("Without fever but cough", ["fever"]),
        ("Denies pain.\nBleed", ["pain"]),
        ("Negative for bleed", ["for", "bleed"]),
        ("Subdural haematoma is unlikely. Fracture.", ["subdural", "haematoma", "is"]),
        ("Fracture ruled out", ["fracture", "out"]),
        ("Acute bleed. No midline shift", ["midline", "shift"]),
        ("no a b c d e f g h i", list("abcdefgh")),
        ("Known bleed", []),
    ],
)
def test_a_negation_reaches_to_the_end_of_its_clause(report: str, negated: list[str]) -> None:
    assert [token.removeprefix("no_") for token in marked_tokens(report) if token.startswith("no_")] == negated


def test_words_of_any_script_are_whole_and_its_stops_end_a_clause() -> None:
    assert [word.text for word in words("फुफ्फुस में द्रव। x-ray 积液。")] == ["फुफ्फुस", "में", "द्रव", "x-ray", "积", "液"]
    assert [word.negated for word in words("no 积液。有")] == [False, True, True, False]
    assert split_term("胸腔 Effusion") == ("胸", "腔", "effusion")
