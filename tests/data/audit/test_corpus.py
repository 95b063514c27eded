from __future__ import annotations

import numpy as np

from mmdx.data.audit.corpus import Corpus

REPORTS = ["FINDINGS: fracture of the skull.", "FINDINGS: no fracture."] * 20
LABELS = np.array([1.0, 0.0] * 20)


def test_a_probe_tells_reports_that_differ_by_a_negation() -> None:
    scores = Corpus(REPORTS).scores(LABELS, np.arange(40), np.arange(40))
    assert scores[LABELS == 1].min() > scores[LABELS == 0].max()


def test_the_strongest_terms_say_where_they_stand() -> None:
    terms = {term["term"]: term for term in Corpus(REPORTS).strongest(LABELS, np.arange(40), np.arange(40))}
    assert terms["no fracture"]["negated"]
    assert (terms["no fracture"]["positive"], terms["no fracture"]["negative"]) == (0, 20)
    assert terms["no fracture"]["weight"] < 0
    assert terms["no fracture"]["sections"] == {"findings": 20}


def test_terms_and_sections_of_a_lone_patient_are_not_named() -> None:
    plain = ["Fracture.", "Clear."] * 20
    corpus, labels = Corpus([*plain, *["BRANDT: Uppsala, fracture."] * 9]), np.array([*LABELS, *[0.0] * 9])
    alone, several = np.array([*range(40), *[40] * 9]), np.arange(49)
    for patients, named in ((alone, False), (several, True)):
        terms = str(corpus.strongest(labels, patients, np.arange(49)))
        assert "fracture" in terms
        assert ("uppsala" in terms, "brandt" in terms) == (named, named)


def test_a_script_without_spaces_has_terms_too() -> None:
    terms = Corpus(["左侧胸腔积液。", "未见异常。"] * 20).strongest(LABELS, np.arange(40), np.arange(40))
    assert "异 常" in {term["term"] for term in terms}


def test_reports_without_words_are_all_alike() -> None:
    corpus = Corpus(["", "."])
    assert corpus.scores(np.array([1.0, 0.0]), np.arange(2), np.arange(2)).tolist() == [0.0, 0.0]
    assert corpus.strongest(np.array([1.0, 0.0]), np.arange(2), np.arange(2)) == []
