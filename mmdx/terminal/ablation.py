"""What `mmdx ablate` shows: its plan, its trainings as they go on, and how they stand in the end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console

from mmdx.engine.experiments.ablation.ablate import Ablation, Watch, state_of
from mmdx.engine.experiments.ablation.plan import Plan
from mmdx.engine.experiments.ablation.processes import Launch
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.terminal import sheet_table
from mmdx.terminal.ablation_view import View
from mmdx.terminal.comparison import show_comparison, show_report


def show_plan(plan: Plan, launch: Launch, console: Console) -> None:
    """Shows what would be trained, and by which commands."""
    _show_notes(plan, console)
    rows = []
    for job in plan.jobs:
        inputs = "+".join(job.config.model.inputs)
        size = str(job.size) if job.size else "all"
        rows.append((job.variant, inputs, job.config.model.fusion.type, str(job.seed), size, state_of(job)))
    header = ("variant", "inputs", "fusion", "seed", "patients", "state")
    console.print(sheet_table(Sheet("Plan", header, tuple(rows))))
    console.print("\nCommands; the ablation writes the configs that they name.")
    for job in plan.jobs:
        if not job.finished:
            console.print(f"  {shlex.join(launch.command(job))}", markup=False, highlight=False, soft_wrap=True)


def watched(console: Console) -> Watch:
    """Shows the notes of a plan, then its jobs as they are trained."""
    return partial(_watched, console=console)


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
def _watched(plan: Plan, launch: Launch, *, console: Console) -> Iterator[View]:
    _show_notes(plan, console)
    with View(plan.jobs, console, slots=launch.slots) as view:
        yield view


def _show_notes(plan: Plan, console: Console) -> None:
    for line in plan.notes():
        console.print(line, markup=False, highlight=False)
