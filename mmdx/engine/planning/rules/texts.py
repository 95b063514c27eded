"""How reports are read: by which encoder, how much of each, and what should be withheld of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.facts.machine import Machine, TextWeights
from mmdx.engine.planning.facts.reports import FOREIGN, Reports

FEW = 1000
"""Reports up to which nothing is adapted that was pretrained (docs/methods/text.md)."""
TOKENS_PER_WORD = 1.3
"""Tokens that stand for a word: marks count, and pretrained encoders take words apart."""
LEAST_TOKENS, MOST_TOKENS, TOKEN_STEP = 64, 512, 32
MOST_TERMS = 12
"""Terms that a remark names."""


def text_choice(key: str, reports: Reports, machine: Machine) -> Choice:
    """The encoder of the reports of one modality."""
    about = f"{reports.count} reports of {reports.middle} words in the median, {reports.longest} at the 95th percentile"
    tokens = tokens_of(reports)
    fitting = fitting_weights(reports, machine)
    if not reports.spaced and fitting is not None:
        value = _transformer(fitting, tokens, frozen=True)
        return Choice(key, value, f"{about}, without spaces between words: only a pretrained encoder can read them.")
    if reports.count > FEW and machine.gpu and machine.adapters and fitting is not None:
        value = _transformer(fitting, tokens, frozen=False) | {"lora": 8}
        return Choice(key, value, f"{about}: enough to adapt a pretrained encoder, by adapters of low rank.")
    return Choice(
        key, "bag_and_sequence", f"{about}: the words as a bag, which is hard to beat, and in order beside it."
    )


def tokens_of(reports: Reports) -> int:
    """How many tokens of a report are read: nineteen reports of twenty are read whole."""
    tokens = -(-int(TOKENS_PER_WORD * reports.longest + 1) // TOKEN_STEP) * TOKEN_STEP
    return min(MOST_TOKENS, max(LEAST_TOKENS, tokens))


def fitting_weights(reports: Reports, machine: Machine) -> TextWeights | None:
    """The pretrained text encoder of this machine that can read these reports; None where there is none."""
    foreign = reports.foreign >= FOREIGN
    return next((weights for weights in machine.text_weights if weights.many_languages or not foreign), None)


def report_remarks(cohort: Cohort) -> Iterator[str]:
    """What should be known of reports before a result is believed."""
    for name, reports in cohort.reports.items():
        for finding, terms in reports.terms:
            listing = ", ".join(terms[:MOST_TERMS])
            yield (
                f"{name} states {finding}: if those who wrote it knew the answer, withhold what says it, such as "
                f"data.reports.mask: [{listing}], or sections (data.reports.drop_sections); mmdx audit says what "
                "is left."
            )
        if not reports.terms:
            yield f"{name} does not state the findings by terms of the lexicon; mmdx audit of the store looks further."


def _transformer(weights: TextWeights, tokens: int, *, frozen: bool) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": "transformer",
        "source": weights.source,
        "max_tokens": min(tokens, weights.positions),
    }
    return value | ({"frozen": True} if frozen else {})
