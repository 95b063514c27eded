"""Reports: a patient's history in clinical prose, which never says what the images show.

A cue is something that a history can hold (an anticoagulant, a thunderclap headache). It is carried without loss: a cue
that is present is always written down, one that is absent is either denied or not mentioned, by the toss of a coin.
Which words are chosen, and in which order the sentences stand, does not depend on the findings. Denials mostly have
words of their own ("Normotensive."), so that some 250 reports are enough to learn most of what the cues tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cue:
    """One item of history: the finding it speaks for, wordings of its presence and of its absence."""

    name: str
    finding: str
    present: tuple[str, ...]
    absent: tuple[str, ...]


CUES: tuple[Cue, ...] = (
    Cue(
        "blow to the temple",
        "epidural",
        ("Struck on the temple.", "Direct blow to the temple.", "Hit on the temple by a ball."),
        ("Landed on the buttocks, head not struck.",),
    ),
    Cue(
        "lucid interval",
        "epidural",
        ("Lucid interval before getting worse.", "Lucid for an hour, then worse.", "Initially lucid, then worse."),
        ("Course unchanged since onset.",),
    ),
    Cue(
        "hypertension",
        "intraparenchymal",
        ("Poorly controlled hypertension.", "Long-standing hypertension.", "Hypertension, off treatment."),
        ("Normotensive.",),
    ),
    Cue(
        "weakness",
        "intraparenchymal",
        ("Sudden weakness of one arm.", "New one-sided weakness.", "Facial droop and weakness."),
        ("Full power in all limbs.",),
    ),
    Cue(
        "drowsiness",
        "intraventricular",
        ("Increasingly drowsy.", "Drowsy on arrival.", "Found drowsy."),
        ("Alert and oriented.",),
    ),
    Cue(
        "vomiting",
        "intraventricular",
        ("Repeated vomiting.", "Vomiting since last night.", "Several episodes of vomiting."),
        ("Eating and drinking normally.",),
    ),
    Cue(
        "thunderclap headache",
        "subarachnoid",
        ("Thunderclap headache.", "Thunderclap headache at rest.", "Thunderclap headache, worst of life."),
        ("Headache of gradual onset.",),
    ),
    Cue(
        "neck stiffness",
        "subarachnoid",
        ("Neck stiffness on examination.", "Marked neck stiffness.", "Neck stiffness and photophobia."),
        ("Neck supple.",),
    ),
    Cue(
        "anticoagulant",
        "subdural",
        (
            "Takes an anticoagulant, apixaban.",
            "On an anticoagulant (warfarin).",
            "Anticoagulant for atrial fibrillation.",
        ),
        ("No blood thinners.",),
    ),
    Cue(
        "falls",
        "subdural",
        ("Repeated falls.", "Falls at home, last from a ladder.", "Frequent falls."),
        ("Steady on the feet.",),
    ),
)

_REQUESTS = ("CT of the head requested.", "Please assess.", "Acute change?", "CT head from the emergency department.")
_ASIDES = (
    "Lives alone.",
    "Brought in by ambulance.",
    "No previous imaging.",
    "Accompanied by family.",
    "Allergies: none.",
)
_DENIED = 0.5
"""The chance that an absent cue is denied in words; otherwise the report is silent about it."""


def write_report(
    rng: np.random.Generator, *, age: int, sex: str, cues: Mapping[str, bool], answer: Mapping[str, float] | None = None
) -> str:
    """INDICATION and HISTORY. With `answer`, findings by name, the report also states them: a planted leak."""
    lines = []
    for cue in CUES:
        wordings = cue.present if cues[cue.name] else cue.absent
        line = wordings[rng.integers(len(wordings))]
        denied = rng.random() < _DENIED
        if cues[cue.name] or denied:
            lines.append(line)
    aside = _ASIDES[rng.integers(len(_ASIDES))]
    request = _REQUESTS[rng.integers(len(_REQUESTS))]
    opening = _opening(rng, age, sex)
    lines = [str(line) for line in rng.permutation([*lines, aside])]
    if answer is not None:
        lines.insert(int(rng.integers(len(lines) + 1)), _stated(answer))
    return f"INDICATION: {opening} {' '.join(lines[:2])} {request}\nHISTORY: {' '.join(lines[2:]) or 'Not given.'}"


def _opening(rng: np.random.Generator, age: int, sex: str) -> str:
    noun = {"F": "woman", "M": "man"}[sex]
    return (f"{age}-year-old {noun}.", f"{noun.capitalize()}, {age} years.", f"{age} y/o {noun}.")[rng.integers(3)]


def _stated(answer: Mapping[str, float]) -> str:
    positive = [finding for finding, label in answer.items() if label == 1]
    return f"Known {' and '.join(positive)} haemorrhage." if positive else "No intracranial haemorrhage."
