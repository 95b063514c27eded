"""From raw files to a config that can be trained as it is, in the spirit of nnU-Net's planner (Isensee et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdx.data.readers import register_all
from mmdx.data.readers.detect import detect_reader
from mmdx.data.store.recipe import Recipe
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.engine.planning.choices import Choice, config_of
from mmdx.engine.planning.facts.cohort import Cohort, cohort_of
from mmdx.engine.planning.facts.machine import Machine, this_machine
from mmdx.engine.planning.length import fitted_length, slice_budget
from mmdx.engine.planning.planned import Planned, summarised
from mmdx.engine.planning.rules.approaches import Approach, approaches
from mmdx.engine.planning.rules.heads import fusion_choices, head_choices
from mmdx.engine.planning.rules.inputs import input_choices, input_names
from mmdx.engine.planning.rules.labels import Findings, choose_findings
from mmdx.engine.planning.rules.validation import fold_count, validation_choice
from mmdx.engine.planning.schedule import schedule_choices
from mmdx.engine.planning.timing import Timing, timed
from mmdx.engine.planning.wishes import remarks, wishes
from mmdx.engine.planning.written import written_config
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS
from mmdx.schema import Component

MINUTES = 60.0
"""Minutes that a plan may take to train, where nobody says."""


@dataclass(frozen=True)
class Means:
    """What a plan is made with: the machine, the `minutes` that there are, what times a step, and `plugins`, modules of
    the user's own that a reader is in."""

    machine: Machine
    minutes: float = MINUTES
    timing: Timing = timed
    plugins: tuple[str, ...] = ()


def plan_source(
    source: Path,
    *,
    reader: str | None = None,
    options: Mapping[str, Any] | None = None,
    minutes: float = MINUTES,
    plugins: Sequence[str] = (),
) -> Planned:
    """A config for the studies that `reader` finds in `source`, with its `options`, on this machine.

    Raises `UsageError` for minutes, a reader or an option that cannot be, and `DataError` where there is nothing to
    learn, or nothing to learn it from.
    """
    if not minutes > 0:
        raise UsageError(f"--minutes {minutes:g}: give a number above 0, such as {MINUTES:g}")
    register_all()
    import_plugins(plugins)
    if reader is None and not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    name = reader or detect_reader(source).type
    READERS.get(name, "plan")
    component = READERS.resolve(Component(type=name, **dict(options or {})), f"reader {name}")
    cohort = cohort_of(Recipe(component, source).read(), name, options or {}, source)
    return plan_cohort(cohort, Means(this_machine(), minutes, plugins=tuple(plugins)))


def plan_cohort(cohort: Cohort, means: Means) -> Planned:
    """A config for a cohort: the first way to read its images whose training fits into the minutes, else the fastest.

    Raises `DataError` where there is nothing to learn, or nothing to learn it from.
    """
    if not input_names(cohort):
        raise DataError(f"{cohort.source}: neither images, descriptors nor reports, so there is nothing to learn from")
    findings, folds = choose_findings(cohort), fold_count(cohort)
    tried = []
    for approach in approaches(cohort, means.machine):
        body = _body(cohort, means, findings, approach)
        config = config_of([*body, Choice("data.folds", {"count": folds} if folds else None, "")])
        cost = means.timing(config, cohort)
        length = fitted_length(config, cohort, cost, folds=folds, minutes=means.minutes, cores=means.machine.cores)
        tried.append((approach, body, cost, length))
        if length.fits:
            break
    approach, body, cost, length = tried[-1] if tried[-1][-1].fits else min(tried, key=lambda way: way[-1].minutes)
    budget = slice_budget(config_of(body), cohort, cost, means.machine.room)
    validation = validation_choice(length.folds, cohort)
    choices = [
        *body,
        *([validation] if validation is not None else []),
        *schedule_choices(cohort, means.machine, approach, length, cost, budget),
    ]
    summary = summarised(cohort, means.machine, findings, approach, length)
    wanted = tuple(wishes(cohort, means.machine, findings, approach, length))
    minded = tuple(remarks(cohort, means.machine, findings, approach))
    cost_line = (
        f"about {length.minutes:.2g} minutes of {means.minutes:g} on this machine, by the steps that were timed."
    )
    head = [
        f"Planned for {cohort.source}, reader {cohort.reader}. Each line says why; change what you know better.",
        *(f"{word.capitalize()}: {text}." for word, text in summary),
        f"Cost: {cost_line}",
        *(f"Rather: {sentence}" for sentence in wanted),
        *(f"Mind: {sentence}" for sentence in minded),
    ]
    text = written_config(head, choices)
    return Planned(config_of(choices), text, summary, wanted, minded, length.minutes, length.fits)


def _body(cohort: Cohort, means: Means, findings: Findings, approach: Approach) -> list[Choice]:
    """The data, inputs, fusion and heads of a config: everything that one can be timed by."""
    options = dict(cohort.options)
    reader = {"type": cohort.reader, **options} if options else cohort.reader
    seen = f"{cohort.studies} studies of {cohort.patients} patients can be read."
    choices = [Choice("data.reader", reader, seen), Choice("data.source", str(cohort.source), "Where they lie.")]
    if cohort.pictures:
        sides = ", ".join(f"{name} {pictures.pixels.side}" for name, pictures in cohort.pictures.items())
        choices.append(Choice("data.size", approach.size, f"Longer sides of source images in pixels: {sides}."))
    choices += findings.choices
    choices += input_choices(cohort, means.machine, approach)
    choices += fusion_choices(cohort)
    choices += head_choices(cohort, findings, approach, means.machine.measured)
    if means.plugins:
        choices.append(Choice("plugins", list(means.plugins), "Modules that the reader is in."))
    return choices
