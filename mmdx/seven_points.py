"""The seven-point checklist of dermoscopy (Argenziano et al. 1998, Arch. Dermatol. 134(12):1563-1570), as findings."""

from __future__ import annotations

from collections.abc import Mapping

SEVEN_POINTS: Mapping[str, int] = {
    **dict.fromkeys(("PN/ATP", "BWV/PRS", "VS/IR"), 2),
    **dict.fromkeys(("PIG/IR", "STR/IR", "DaG/IR", "RS/PRS"), 1),
}
"""The points that each criterion adds to the score, by finding; major criteria come first."""
SUSPICIOUS = 3
"""The score from which the checklist calls a lesion a melanoma."""
