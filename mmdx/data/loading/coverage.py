"""How much of the texts of a store a tokenizer reads: the words that it does not know, the texts that it cuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmdx.data.loading.reports import Reports
from mmdx.data.splits.splits import Splits
from mmdx.data.text.tokenizer import Reading, ReportTokenizer
from mmdx.study import SPLITS

MOST_UNKNOWN, MOST_CUT = 0.1, 0.05
"""The shares of unknown words and of cut texts from which a training warns."""


def coverage(reports: Reports, splits: Splits, tokenizers: Mapping[str, ReportTokenizer]) -> dict[str, Any]:
    """For each text in `tokenizers` its `max_tokens`, and for each split with such a text: how many `texts` there are,
    of how many `tokens`; the shares of `unknown` tokens and of `cut` texts; plain values for a JSON file."""
    return {
        name: {
            "max_tokens": tokenizer.max_tokens,
            "splits": {
                split: shares
                for split in SPLITS
                if (shares := _shares([tokenizer.reading(t) for t in reports.over(splits.rows(split), name) if t]))
            },
        }
        for name, tokenizer in tokenizers.items()
    }


def _shares(readings: Sequence[Reading]) -> dict[str, Any]:
    if not readings:
        return {}
    tokens = sum(reading.tokens for reading in readings)
    return {
        "texts": len(readings),
        "tokens": tokens,
        "unknown": round(sum(reading.unknown for reading in readings) / max(1, tokens), 4),
        "cut": round(sum(reading.cut for reading in readings) / len(readings), 4),
    }


def coverage_lines(covered: Mapping[str, Any]) -> list[str]:
    """A warning for each text of which a split has more unknown words, or more cut texts, than are to be expected."""
    lines = []
    for name, facts in covered.items():
        unknown = {split: shares["unknown"] for split, shares in facts["splits"].items()}
        cut = {split: shares["cut"] for split, shares in facts["splits"].items()}
        if max(unknown.values(), default=0) > MOST_UNKNOWN:
            lines.append(
                f"{name}: unknown words ({_listed(unknown)}): those in the texts of too few training patients are not "
                "read; more texts help, or a pretrained encoder"
            )
        if max(cut.values(), default=0) > MOST_CUT:
            lines.append(
                f"{name}: texts cut ({_listed(cut)}): longer than {facts['max_tokens']} tokens, their middle is not "
                "read; raise max_tokens of its encoder"
            )
    return lines


def coverage_sentences(covered: Mapping[str, Any]) -> list[str]:
    """What a card says of each text: its unknown words and cut texts by split."""
    sentences = []
    for name, facts in covered.items():
        unknown, cut = ({split: shares[of] for split, shares in facts["splits"].items()} for of in ("unknown", "cut"))
        if unknown:
            sentences.append(
                f"Of {name}, unknown words: {_listed(unknown)}; texts longer than {facts['max_tokens']} tokens, of "
                f"which the first and the last half are read: {_listed(cut)}."
            )
    return sentences


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{split} {100 * share:.1f} %" for split, share in shares.items())
