"""Why no gain can be called shown: labels were made from a text that a model reads."""

from __future__ import annotations

from mmdx.stats.comparison.compare import Arm, Comparison
from mmdx.stats.report.words import listed


def circular(comparison: Comparison, arm: Arm) -> str | None:
    """What an arm was shown of that from which labels were made, such as `the impression of the report`; None where it
    was shown nothing of it, as far as the runs say."""
    made = {text: what for origin in comparison.origins for text, what in origin.circular.items()}
    shown = [made[text] for text in arm.shown.split("+") if text in made]
    return listed(shown) if arm.kind == "model" and shown else None


def circular_lines(comparison: Comparison) -> list[str]:
    """One line that names the models whose gain cannot be called shown; empty where there are none."""
    found = {arm.name: what for arm in comparison.models if (what := circular(comparison, arm)) is not None}
    if not found:
        return []
    whats = listed(list(dict.fromkeys(found.values())))
    return [
        f"Labels were made from {whats} (data.provenance), which {listed(list(found))} "
        f"{'reads' if len(found) == 1 else 'read'}: no gain of {'it' if len(found) == 1 else 'these'} can be called "
        "shown. Withhold it by data.reports, or take labels from elsewhere."
    ]
