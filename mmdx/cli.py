"""The verbs, some of them in `verbs/`. Rooms are imported inside them, so that `mmdx --help` starts without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen
from mmdx.terminal.ending import run_verb
from mmdx.terminal.following import Following
from mmdx.verbs import answers, doubtful, explanations, first_day, inputs, nodes, page, power, sharing

app = typer.Typer(name="mmdx", no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def options(version: option.Version = None) -> None:
    """Medical images read together with their clinical reports."""


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="folder of raw studies")],
    options: option.PlannedReader = None,
    reader: option.OptionalReader = None,
    json: Annotated[Path | None, typer.Option(help="write the rows there as JSON ('-': to the terminal)")] = None,
    plugin: option.Plugins = None,
) -> None:
    """Read raw studies: slice order and its evidence, gaps, duplicates, problems; of a table, what each column is."""
    from mmdx.config_file import with_overrides
    from mmdx.engine.intake import inspect as intake
    from mmdx.terminal.inspect import leave_inspection

    inspection = intake.inspect(path, reader=reader, options=with_overrides({}, options or []), plugins=plugin or [])
    leave_inspection(inspection, f"{path}, reader '{inspection.reader}'", json, screen())
    raise typer.Exit(0 if inspection.sound else 1)


@app.command()
def plan(
    reader: Annotated[str, typer.Argument(help="a reader; mmdx list readers names them")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="the raw files")],
    options: option.PlannedReader = None,
    minutes: option.Minutes = 60,
    out: Annotated[Path, typer.Option(help="the config to write")] = Path("plan.yaml"),
    force: Annotated[bool, typer.Option("--force", help="replace a file that is there already")] = False,
    plugin: option.Plugins = None,
) -> None:
    """Write a config for this cohort on this machine, each line with its reason; mmdx train takes it as it is."""
    from mmdx.config_file import with_overrides
    from mmdx.engine.planning.plan import plan_source
    from mmdx.engine.planning.planned import refuse_other
    from mmdx.terminal.plan import show_planned

    refuse_other(out, force=force)
    chosen, plugins = with_overrides({}, options or []), plugin or []
    planned = plan_source(source, reader=reader, options=chosen, minutes=minutes, plugins=plugins)
    planned.save(out, force=force)
    show_planned(planned, out, screen())


@app.command()
def prepare(
    reader: Annotated[str, typer.Argument(help="a reader; mmdx list readers names them")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="the raw files")],
    out: option.NewStore,
    options: option.ReaderOptions = None,
    plugin: option.Plugins = None,
) -> None:
    """Turn raw files into a store; run again, it goes on where it stopped."""
    from mmdx.engine.intake.prepare import parse_words, prepare_source

    store, reader_options = parse_words(reader, options or [], plugins=plugin or [])
    prepare_source(source, out, reader=reader, options=reader_options, store=store, console=screen(stderr=True))


@app.command()
def audit(
    store: Annotated[Path, typer.Argument(help="a folder that mmdx prepare left")],
    out: Annotated[Path | None, typer.Option(help="file for the result; audit.json in the store when left out")] = None,
    lexicon: option.Lexicon = None,
    keep_section: option.KeptSections = None,
    drop_section: option.DroppedSections = None,
    mask: option.MaskedTerms = None,
) -> None:
    """Look for leaks between splits, reports that state the label, shortcuts, wrong labels; exit code 1 for a leak."""
    from mmdx.engine.reporting.audit import AUDIT_FILE, audit_store
    from mmdx.schema import ReportOptions
    from mmdx.terminal.audit import show_audit

    kept, dropped, masked = (tuple(names or ()) for names in (keep_section, drop_section, mask))
    reports = ReportOptions(keep_sections=kept, drop_sections=dropped, mask=masked)
    with Following.beside(console := screen()) as following:
        result = audit_store(store, out=out, lexicon=lexicon, reports=reports, count=following.count)
    show_audit(result, out or store / AUDIT_FILE, console)
    raise typer.Exit(1 if result.leaks else 0)


@app.command()
def check(config: option.Experiment, overrides: option.Overrides = None, full: option.Full = False) -> None:
    """Say all that would keep a training from starting, else what it would train; no device, nothing written."""
    from mmdx.config_file import dump_config
    from mmdx.engine.experiments.check import check as check_config

    checked = check_config(config, overrides or [])
    print(dump_config(checked.config) if full else f"{checked.sentence}\n", end="")


@app.command()
def train(
    config: option.OptionalExperiment = None,
    overrides: option.Overrides = None,
    resume: option.Resume = False,
) -> None:
    """Train, score the test split with each modality shown, and leave a run folder; data.folds.count=5 for folds."""
    from mmdx.engine.experiments import run
    from mmdx.engine.experiments.check import read_startable
    from mmdx.terminal.scores import show_conclusion

    (path, words), console = option.experiment_of(config, overrides or []), screen()
    startable = read_startable(path, words, resume=resume)
    with Following.beside(console) as following:
        conclusion = run.train(startable, name=path.stem, resume=resume, console=console, count=following.count)
    show_conclusion(conclusion, console)


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    options: option.SecondOptions = None,
    on: option.SecondCohort = None,
    renamed: option.Renamed = None,
    split: option.EvaluatedSplit = None,
    show: option.Showings = None,
    order: option.ImageOrder = None,
    drop: Annotated[float | None, typer.Option(help="share of the images of each study to leave out")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for the predictions; the run's own when left out")] = None,
    grad_cam: option.GradCam = False,
) -> None:
    """Score a run again: modalities withheld, images in another order or left out, or on a second cohort (--on)."""
    from mmdx.engine.experiments import run as runs
    from mmdx.terminal.scores import show_scores

    scoring = runs.Scoring(order, drop, grad_cam=grad_cam)
    second = runs.SecondCohort.parsed(on, renamed or [], options or [])
    with Following(screen(stderr=True)) as told:
        scores = runs.evaluate(run, split=split, show=show or [], out=out, scoring=scoring, on=second, count=told.count)
    show_scores(scores, screen())


@app.command()
def compare(
    runs: option.Compared,
    split: option.ScoredSplit = "test",
    level: option.Level = None,
    resamples: Annotated[int, typer.Option(min=100, help="bootstrap resamples of patients")] = 2000,
    seed: Annotated[int, typer.Option(help="seed of the resamples")] = 0,
    intervals: Annotated[Literal["percentile", "bca"], typer.Option(help="how intervals are made")] = "percentile",
    margin: option.Margin = None,
    primary: option.Primary = None,
    operating_point: option.AtPoint = None,
    prevalence: option.Prevalence = None,
    finding: Annotated[str | None, typer.Option(help="one finding in the terminal; what leads if left out")] = None,
    out: Annotated[Path, typer.Option(help="folder for compare.html, .json, .md, .tex and figures")] = Path("compare"),
    overwrite: option.Overwrite = False,
) -> None:
    """Compare runs, or what one run was shown: paired, by patient, from prediction files alone."""
    from mmdx.engine.reporting.comparison import save_comparison
    from mmdx.stats.cohort.primary import parse_operating_point
    from mmdx.stats.evidence import Stated, check_place, gather
    from mmdx.terminal.comparison import show_comparison, show_report

    check_place(out, runs, split=split, overwrite=overwrite)
    point = None if operating_point is None else parse_operating_point(operating_point)
    with Following.beside(console := screen()) as following:
        drawn = {"resamples": resamples, "seed": seed}
        stated = Stated(primary, margin, intervals, point, prevalence)
        evidence = gather(runs, split=split, unit=level, stated=stated, count=following.count, **drawn)
    show_comparison(evidence, console, finding=finding)
    save_comparison(evidence, out, overwrite=overwrite)
    show_report(out, console)


@app.command()
def ablate(
    config: option.Experiment,
    overrides: option.Overrides = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each variant, from the config's seed on")] = 3,
    tune: Annotated[int, typer.Option(min=0, help="settings that each variant tries on validation, 2 to 9")] = 0,
    fusion: option.Fusions = None,
    sizes: Annotated[str, typer.Option(metavar="N,N,...", help="learning curve: numbers of training patients")] = "",
    out: Annotated[Path | None, typer.Option(help="folder for all runs; ablations/CONFIG when left out")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="trainings at once; one a GPU, else one for 2 cores")] = None,
    launcher: Annotated[str, typer.Option(help="starts each, such as 'accelerate launch --num_processes 4'")] = "",
    plan: Annotated[bool, typer.Option("--plan", help="show what would be trained, and train nothing")] = False,
) -> None:
    """Train each modality alone, the fusion, other fusions and what is left without a modality; then compare them.

    What is trained is not trained again. The same command on several machines that share the folder shares the work.
    """
    from mmdx.engine.assembly.resolve import read_resolved
    from mmdx.engine.experiments.ablation import ablate as ablation
    from mmdx.engine.experiments.ablation.plan import Extent
    from mmdx.engine.experiments.ablation.processes import Launch
    from mmdx.terminal.ablation import show_ablation, show_plan, watched

    console, launch, extent = screen(), Launch.of_machine(launcher, jobs), Extent.parsed(seeds, fusion, sizes, tune)
    resolved, folder = read_resolved(config, overrides or []), out or Path("ablations") / config.stem
    if plan:
        show_plan(ablation.planned_ablation(resolved, extent=extent, out=folder), launch, console)
        return
    result = ablation.ablate(
        resolved, name=config.stem, extent=extent, out=folder, launch=launch, console=console, watch=watched(console)
    )
    show_ablation(result, console)
    if not result.complete:
        raise typer.Exit(1)


@app.command()
def ensemble(out: option.NewRun, runs: option.FinishedRuns) -> None:
    """Make several runs one model, whose answer is their mean, and score it on the studies that were test for all."""
    from mmdx.engine.experiments.ensemble import ensemble_runs
    from mmdx.terminal.scores import show_conclusion

    console = screen()
    show_conclusion(ensemble_runs(out, runs, console=console), console)


@app.command()
def extract(
    source: option.Describing,
    out: option.NewStore,
    overrides: option.Overrides = None,
    modality: option.DescribedModalities = None,
    folds: option.FoldModels = None,
    store: option.DescribedStore = None,
    pretrained: option.PretrainedWeights = None,
) -> None:
    """Write what a run, or frozen encoders without any training, say of every image as a store, for a second stage."""
    from mmdx.engine.experiments.extract import Source, extract_source

    described = Source(source, overrides or [], store, pretrained)
    with Following(console := screen(stderr=True)) as following:
        extract_source(described, out, modalities=modality or [], folds=folds, console=console, count=following.count)


carrying = (doubtful.doubtful, page.demo, sharing.push, sharing.export)
for verb in (power.power, *carrying, first_day.init, first_day.doctor, inputs.inputs, explanations.explanations):
    app.command()(verb)
for verbs in (answers.app, nodes.app):
    app.add_typer(verbs)


@app.command("list")
def list_parts(kind: option.PartKind = None) -> None:
    """Registered parts with their options."""
    from mmdx.engine.assembly.parts import parts
    from mmdx.terminal.parts import show_parts

    show_parts(parts(kind), screen())


def main(arguments: list[str] | None = None) -> None:
    """Runs a verb; every problem that a user can fix ends in its lines and an exit code, never in a traceback."""
    run_verb(app, arguments)


if __name__ == "__main__":
    main()
