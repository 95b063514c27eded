"""What is known of reports."""

from __future__ import annotations

import pytest
from raw_studies import study

from mmdx.data.audit.lexicon import read_lexicon
from mmdx.engine.planning.facts.reports import described_reports, stating_terms


def noted(*texts: str, **facts):
    return [study(str(number), {"note": text}, **facts) for number, text in enumerate(texts)]


def test_number_length_and_vocabulary() -> None:
    found = described_reports("note", [*noted("a fall", "a fall down the stairs", "a b c"), study("x", {})])
    assert (found.count, found.middle, found.longest) == (3, 3, 5)
    assert found.vocabulary == 2 + 2  # `a` and `fall` stand twice; padding and the unknown word beside them
    assert (found.foreign, found.spaced, found.terms) == (0.0, True, ())


def test_other_languages_and_text_without_spaces() -> None:
    german = described_reports("note", noted("Übelkeit und Müdigkeit", "Schädel unauffällig"))
    assert (german.foreign, german.spaced) == (0.8, True)
    chinese = described_reports("note", noted("患者三天前出现发热咳嗽和呼吸困难等症状"))
    assert (chinese.foreign, chinese.spaced) == (1.0, False)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("covid confirmed", "no covid"), ("covid19",)),
        (("fever", "cough"), ()),
        (("no covid", "covid confirmed"), ()),
    ],
)
def test_findings_that_reports_state(texts: tuple[str, str], expected: tuple[str, ...]) -> None:
    studies = [study(str(k), {"note": text}, labels={"covid19": 1.0 - k}) for k, text in enumerate(texts)]
    found = stating_terms(texts, studies, read_lexicon())
    assert tuple(finding for finding, _ in found) == expected
    if expected:
        assert found[0][1] == ("covid",)


def test_reports_of_the_test_split_are_not_looked_at() -> None:
    studies = [study(str(k), {"note": "covid"}, labels={"covid19": 1.0}, split="test") for k in range(3)]
    assert stating_terms(["covid"] * 3, studies, read_lexicon()) == ()
