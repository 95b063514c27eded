"""What a word is, in every script, and which words may be written down."""

from __future__ import annotations

import re

import pytest

from mmdx.data.text.words import counted, fewest_patients, is_letter, plain, shared, whole_word, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Fell (twice), x-ray.", ["fell", "(", "twice", "),", "x", "-", "ray", "."]),
        ("胸腔积液12毫米。", ["胸", "腔", "积", "液", "12", "毫", "米", "。"]),
        ("胸水カテ", ["胸", "水", "カ", "テ"]),
        ("흉수가 12mm", ["흉", "수", "가", "12mm"]),
        ("ไม่พบ", ["ไ", "ม่", "พ", "บ"]),
        ("ພົບ", ["ພົ", "ບ"]),
        ("ទឹក", ["ទឹ", "ក"]),
        ("ရောင်", ["ရော", "င်"]),
        ("फुफ्फुस में", ["फुफ्फुस", "में"]),
        ("שָׁלוֹם רב", ["שָׁלוֹם", "רב"]),
        ("", []),
    ],
)
def test_words_by_script(text: str, found: list[str]) -> None:
    assert words(text) == [plain(word) for word in found]


def test_a_letter_counts_where_it_is_a_word() -> None:
    assert counted("A 5 mm mass; 积液。") == ["mm", "mass", "积", "液"]
    assert is_letter("液")
    assert is_letter("ม่")
    assert not is_letter("a")
    assert not is_letter("积液")


@pytest.mark.parametrize(
    ("term", "text", "left"),
    [
        ("mass", "Mass, masses, biomass", "#, masses, biomass"),
        ("积液", "左侧胸腔积液深", "左侧胸腔#深"),
        ("积液 mass", "有积液 mass。", "有#。"),
        ("café", "cafe\u0301 cafés", "# cafés"),
        ("12 mm", "\uff11\uff12 mm thick", "# thick"),
        ("น", "น้ำ น", "น้ำ #"),
    ],
)
def test_a_term_is_found_as_a_whole_word(term: str, text: str, left: str) -> None:
    assert re.sub(whole_word(term), "#", plain(text), flags=re.IGNORECASE) == plain(left)


def test_what_several_patients_share() -> None:
    assert shared([["a", "b", "b"], ["a"], ["b", "c"]], ["p", "q", "p"]) == {"a"}
    assert [fewest_patients([str(at % n) for at in range(200)]) for n in (1, 99, 100)] == [2, 2, 3]
