"""Texts against reports: the libraries' own numbers, and tables whose numbers a person can write down."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

from mmdx.stats.texts import THEMSELVES, ReportReader, bleu4, commonest, describe, plain, rouge_l

SAID = ["The heart is normal in size.", "No acute disease is seen today", "small left effusion ."]
MEANT = ["The heart is normal in size.", "No acute disease .", "There is a small left effusion."]
ONCE = np.ones((1, 3), dtype=np.int64)


def test_texts_are_compared_as_words_and_marks():
    assert plain("A 62-year-old Woman.\nNo  fall.") == "a 62 - year - old woman . no fall ."


def test_bleu_is_that_of_sacrebleu_and_of_the_rows_that_count():
    words = [plain(text) for text in SAID], [plain(text) for text in MEANT]
    whole = BLEU(tokenize="none", force=True)
    assert bleu4(SAID, MEANT)(ONCE)[0] == pytest.approx(whole.corpus_score(words[0], [words[1]]).score / 100)
    weights = np.array([[2, 0, 1], [1, 0, 0]])
    drawn = [words[0][0], words[0][0], words[0][2]], [words[1][0], words[1][0], words[1][2]]
    expected = [whole.corpus_score(drawn[0], [drawn[1]]).score / 100, 1.0]
    assert bleu4(SAID, MEANT)(weights).tolist() == pytest.approx(expected)


def test_rouge_is_that_of_rouge_score():
    scorer = RougeScorer(["rougeL"])
    each = [scorer.score(meant, said)["rougeL"].fmeasure for said, meant in zip(SAID, MEANT, strict=True)]
    assert rouge_l(SAID, MEANT)(ONCE)[0] == pytest.approx(np.mean(each))
    # Three words of three, of six: 2 · 1 · 0.5 / 1.5.
    assert rouge_l(SAID, MEANT)(np.array([[0, 0, 1]]))[0] == pytest.approx(2 / 3)


def test_the_commonest_report_is_the_most_frequent_else_the_one_most_like_all():
    assert commonest(["no fall", "fell", "fell", "headache"]) == "fell"
    assert commonest(["fell at home", "fell at work", "fell at home today", "unrelated words"]) == "fell at home"


def reader() -> ReportReader:
    reports = ["dense bleed seen", "no bleed here"] * 10
    labels = np.array([[1, 1], [0, 1]] * 10, dtype=np.float32)
    return ReportReader(reports, labels, ["bleed", "always"], "'report' of the cohort 'made up'")


def test_findings_are_read_back_and_one_without_two_classes_is_not():
    read = reader().read(["bleed is dense", "no bleed", "nothing known"])
    assert read[0, 0] > read[2, 0] > read[1, 0]
    assert np.isnan(read[:, 1]).all()


def table(texts: dict[str, list[str]]) -> pd.DataFrame:
    """Twelve studies of as many patients; each other one bleeds, and its report says so."""
    rows = []
    for index in range(12):
        reference = "no bleed here" if index % 2 else "dense bleed seen"
        for method, said in texts.items():
            rows.append((f"s{index}", f"p{index}", "image", method, reference, said[index % 2]))
    return pd.DataFrame(rows, columns=["study_id", "patient_id", "shown", "method", "reference", "generated"])


LABELS = {f"s{index}": np.array([1 - index % 2, 1], dtype=np.float32) for index in range(13)}


def test_right_texts_score_one_and_one_text_for_all_reads_a_half():
    texts = {"model": ["dense bleed seen", "no bleed here"], "commonest": ["no bleed here"] * 2}
    found = describe(table(texts), LABELS, reader(), resamples=200)
    assert found is not None
    values = {key: estimate.value for key, estimate in found.estimates.items()}
    assert values["model", "rouge_l"] == values["model", "read_auroc"] == values[THEMSELVES, "read_auroc"] == 1
    assert values["commonest", "read_auroc"] == 0.5
    # "no bleed here" for "dense bleed seen": one word of three.
    assert values["commonest", "rouge_l"] == pytest.approx((1 + 1 / 3) / 2)
    low, high = found.estimates["commonest", "rouge_l"].low, found.estimates["commonest", "rouge_l"].high
    assert low is not None
    assert high is not None
    assert 1 / 3 <= low < 2 / 3 < high <= 1
    assert (found.studies, found.patients, found.left_out, found.findings) == (12, 12, 0, ("bleed",))
    sheet = found.sheet()
    assert [row[0] for row in sheet.rows] == ["model", "commonest", THEMSELVES]
    assert sheet.rows[2][1:3] == ("–", "–")
    assert "on 20 training reports of 'report' of the cohort 'made up'" in found.notes()[0]
    assert len(found.to_json()["estimates"]) == 7


def test_studies_without_a_report_or_a_text_are_left_out_of_every_method_and_counted():
    rows = table({"model": ["dense bleed seen", "no bleed here"], "nearest": ["fell", "fell"]})
    rows.loc[(rows["study_id"] == "s0") & (rows["method"] == "model"), "generated"] = ""
    rows.loc[rows["study_id"] == "s1", "reference"] = ""
    found = describe(rows, LABELS, reader(), resamples=100)
    assert found is not None
    assert (found.studies, found.left_out) == (10, 2)
    assert found.notes()[1].startswith("2 studies without a report")
    rows["reference"] = ""
    assert describe(rows, LABELS, reader()) is None


def test_few_patients_carry_no_interval_and_an_undefined_mean_is_null():
    rows = table({"model": ["dense bleed seen", "no bleed here"]}).head(4)
    found = describe(rows, LABELS, reader(), resamples=100)
    assert found is not None
    estimate = found.estimates["model", "rouge_l"]
    assert (estimate.low, estimate.refused) == (None, "4 patients, and 5 are needed")
    assert math.isnan(found.estimates["model", "read_auroc"].value)
    assert found.to_json()["estimates"][2]["value"] is None
