"""What `mmdx ablate` shows: its plan, its trainings as they go on, and how they stand in the end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from rich.console import Console

from mmdx.engine.experiments.ablation.ablate import Ablation, Watch, ready, state_of
from mmdx.engine.experiments.ablation.plan import Job, Plan
from mmdx.engine.experiments.ablation.processes import Launch
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.terminal import sheet_table
from mmdx.stats.report.words import counted
from mmdx.terminal.ablation_view import View
from mmdx.terminal.comparison import show_comparison, show_report

SUGGESTED = 6
"""Tries that a variant may have without costing more than a few trainings: the learning rate and what regularises."""


def show_plan(plan: Plan, launch: Launch, console: Console) -> None:
    """Shows what would be trained, and by which commands."""
    _show_notes(plan, console)
    rows = []
    for job in [*plan.tries, *plan.jobs]:
        inputs = "+".join(job.config.model.inputs)
        size = str(job.size) if job.size else "all"
        tried = [str(job.attempt or "")] if plan.tries else []
        fusion = job.config.model.fusion.type
        rows.append((job.variant, inputs, fusion, str(job.seed), *tried, size, state_of(job)))
    header = ("variant", "inputs", "fusion", "seed", *(["try"] if plan.tries else []), "patients", "state")
    console.print(sheet_table(Sheet("Plan", header, tuple(rows))))
    console.print("\nCommands; the ablation writes the configs that they name.")
    for job in [*plan.tries, *ready(plan)]:
        if not job.finished:
            console.print(f"  {shlex.join(launch.command(job))}", markup=False, highlight=False, soft_wrap=True)


def watched(console: Console) -> Watch:
    """Shows the notes of a plan, then its jobs as they are trained."""
    return partial(_watched, console=console, untold=iter([True]))


def show_ablation(ablation: Ablation, console: Console) -> None:
    """Shows what failed, what others still train, and the comparison where there is one."""
    out = ablation.out
    lines = [f"{name}: failed; {out / name}.log says why" for name in ablation.failed]
    lines += [f"{name}: still trained {where}" for name, where in ablation.elsewhere.items()]
    if ablation.elsewhere:
        lines.append("whoever ends the last one compares; or run this again then")
    elif ablation.compared_elsewhere:
        lines.append(f"another command compares: {out / 'compare.html'}")
    elif ablation.evidence is None:
        lines.append(f"nothing to compare with: {ablation.plan.jobs[0].name} was not trained")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if ablation.evidence is not None:
        show_comparison(ablation.evidence, console)
        show_report(out, console)


@contextmanager
def _watched(
    plan: Plan, launch: Launch, jobs: Sequence[Job], *, console: Console, untold: Iterator[bool]
) -> Iterator[View]:
    if next(untold, False):
        _show_notes(plan, console)
    with View(jobs, console, slots=launch.slots) as view:
        yield view


def _show_notes(plan: Plan, console: Console) -> None:
    for line in [*plan.notes(), _chances(plan)]:
        console.print(line, markup=False, highlight=False)


def _chances(plan: Plan) -> str:
    """Whether all variants have equal chances, and what that costs."""
    trainings, variants = len(plan.jobs), len({job.variant for job in plan.jobs})
    if not plan.tries:
        more = variants * (SUGGESTED - 1)
        return (
            f"settings: all {counted(variants, 'variant')} have those of the config. --tune {SUGGESTED} lets each try "
            f"as many settings on validation: {more} trainings more, beside {trainings}"
        )
    tries = len(plan.tries)
    rest = trainings - variants
    return (
        f"settings: each of {counted(variants, 'variant')} tries {tries // variants} on validation: {tries} trainings, "
        f"then {rest} with the settings that were chosen"
    )
