"""How reports are read, and what is said of them."""

from __future__ import annotations

import pytest
from planning import ENGLISH, MANY, cohort, gpu, machine, reports

from mmdx.engine.planning.rules.texts import fitting_weights, report_remarks, text_choice, tokens_of


def encoder(of, on):
    return text_choice("encoder", of, on).value


def test_few_reports_are_a_bag_and_a_sequence() -> None:
    assert encoder(reports(), gpu(text_weights=(ENGLISH,))) == "bag_and_sequence"


def test_many_reports_adapt_a_pretrained_encoder_on_a_gpu() -> None:
    many = reports(count=5000)
    assert encoder(many, machine(text_weights=(ENGLISH,))) == "bag_and_sequence"
    assert encoder(many, gpu(text_weights=(ENGLISH,))) == {
        **{"type": "transformer", "source": "minilm", "max_tokens": 160, "lora": 8}
    }


def test_an_english_encoder_is_not_for_another_language() -> None:
    foreign = reports(foreign=0.5)
    assert fitting_weights(foreign, machine(text_weights=(ENGLISH,))) is None
    assert fitting_weights(foreign, machine(text_weights=(ENGLISH, MANY))) == MANY


def test_text_without_spaces_takes_a_pretrained_encoder_of_many_languages() -> None:
    unspaced = reports(foreign=0.9, spaced=False)
    assert encoder(unspaced, machine(text_weights=(MANY,)))["source"] == "xlm"
    assert encoder(unspaced, machine()) == "bag_and_sequence"


@pytest.mark.parametrize(("words", "tokens"), [(10, 64), (100, 160), (236, 320), (5000, 512)])
def test_how_much_of_a_report_is_read(words: int, tokens: int) -> None:
    assert tokens_of(reports(longest=words)) == tokens


def test_reports_that_state_the_label_are_named_with_their_terms() -> None:
    stating = cohort(reports={"note": reports(terms=(("covid19", ("covid", "sars-cov-2")),))})
    (sentence,) = report_remarks(stating)
    assert sentence.startswith("note states covid19")
    assert "data.reports.mask: [covid, sars-cov-2]" in sentence
    assert "mmdx audit" in next(iter(report_remarks(cohort(reports={"note": reports()}))))
