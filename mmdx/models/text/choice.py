"""Which text encoder a cohort should start with, by its reports (docs/methods/text.md)."""

from __future__ import annotations

from mmdx.schema import Component

MANY_REPORTS = 5000
"""Training reports from which adapters of a pretrained encoder are worth their time."""
LONGEST_WORD = 12.0
"""Letters between two spaces, on average, above which a script is taken for one that does not part its words."""


def suggested_encoder(*, reports: int, letters: float, source: str | None = None) -> tuple[Component, str]:
    """The text encoder to start with, with its options, and the reason in one sentence.

    `reports` counts the training reports that are not blank, `letters` those between two spaces on average, and
    `source` is a pretrained encoder that is installed and reads their language (None: there is none). How long reports
    are decides nothing: each of these encoders reads them to the end.
    """
    bag = Component(type="bag_and_sequence")
    adapted = Component(type="transformer", source=source or "", lora=8, window=256, max_tokens=4096)
    if letters > LONGEST_WORD:
        reason = f"spaces do not part words ({letters:.0f} letters between two), which takes a pretrained tokenizer"
        return (adapted, reason) if source else (bag, f"{reason}; none is installed")
    if reports < MANY_REPORTS:
        return bag, f"{reports} reports are fewer than {MANY_REPORTS}, too few to adapt a pretrained encoder"
    if source is None:
        return bag, f"no pretrained encoder is installed for these {reports} reports"
    return adapted, f"{reports} reports, {MANY_REPORTS} or more, are enough to adapt a pretrained encoder"
