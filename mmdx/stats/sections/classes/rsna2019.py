"""The score of the RSNA 2019 hemorrhage challenge: a weighted log loss over its six findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.metrics.registry import log_loss
from mmdx.stats.resampling.intervals import FEWEST_PATIENTS
from mmdx.stats.sections.classes.parts import Part, Values

NAME = "RSNA 2019"
READER = "rsna_ich"
"""The reader of its data set; prediction files that no run made may be of it, too."""
WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"), 1.0),
    "any": 2.0,
}
"""The weight of each finding in the log loss of the challenge."""
CLIP = 1e-15
"""How far probabilities are held from 0 and 1 there: scikit-learn's bound of that year."""


def rsna_log_loss(
    labels: Float[np.ndarray, "n f"],
    scores: Float[np.ndarray, "n f"],
    weights: Int[np.ndarray, "r n"],
    findings: Sequence[str],
    *,
    clip: float = CLIP,
) -> Float[np.ndarray, "r"]:
    """The loss of the RSNA 2019 hemorrhage challenge: log losses of six findings, of which `any` counts twice, by 7.

    In nats. `weights` says how often each row was drawn, `findings` names the columns, all six of `WEIGHTS` in any
    order. Labels that are unknown (NaN) are left out, finding by finding. `clip` is how far probabilities are held from
    0 and 1.
    """
    loss = np.zeros(len(weights))
    for column, finding in enumerate(findings):
        labelled = ~np.isnan(labels[:, column])
        clipped = np.clip(scores[labelled, column], clip, 1 - clip)
        loss += WEIGHTS[finding] * log_loss(labels[labelled, column], clipped, weights[:, labelled])
    return loss / sum(WEIGHTS.values())


def rsna_part(cohort: Cohort) -> Part | None:
    """The loss of every model; None where the findings are not those of the challenge, or of another data set."""
    if set(cohort.findings) != set(WEIGHTS) or cohort.reader not in (READER, None):
        return None

    def loss_of(scores: Float[np.ndarray, "n f"]) -> Callable[[Int[np.ndarray, "r n"]], Values]:
        return lambda weights: {"log_loss": rsna_log_loss(cohort.labels, scores, weights, cohort.findings)}

    patients = int(cohort.patients.max()) + 1
    return Part(
        title="RSNA 2019 hemorrhage challenge",
        measures={"log_loss": "weighted log loss"},
        rows=np.arange(len(cohort.labels)),
        models={arm.name: loss_of(scores) for arm, scores in zip(cohort.arms, cohort.scores, strict=True)},
        refused=f"{patients} patients, and {FEWEST_PATIENTS} are needed" if patients < FEWEST_PATIENTS else None,
        notes=(
            f"RSNA 2019: natural logarithm, probabilities held {CLIP:g} from 0 and 1, any counts twice; less is "
            f"better. The challenge scores slices; these are {'slices' if cohort.unit == 'slice' else 'no slices'}.",
        ),
    )
