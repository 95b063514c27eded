"""Cross-validation: a run folder a fold, and the predictions of all of them, out of fold, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from rich.console import Console

from mmdx.config import Config
from mmdx.data.splits.folds import make_folds, read_folds, splits_of_fold, write_folds
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import check_training
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import for_training
from mmdx.engine.experiments.single import start, train_split
from mmdx.engine.processes import make_accelerator
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.engine.reporting.conclude import judging_slices, metrics
from mmdx.engine.reporting.model_card import Ground, card
from mmdx.engine.runs.folder import is_concluded
from mmdx.engine.runs.record import write_origin
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.evaluate import AS_TRAINED, Scoring, score_run
from mmdx.errors import DataError, UsageError
from mmdx.files import BASELINES, SLICES, RunLayout, write_json, write_text
from mmdx.stats.comparison.compare import compare
from mmdx.stats.report.contents import HEADLINE
from mmdx.stats.report.markdown import markdown, markdown_table
from mmdx.stats.report.terminal import sheet_table, summary_tables
from mmdx.stats.sections.folds.spread import spread_over, spread_records, spread_sheet
from mmdx.study import Split

POOLED = tuple(
    RunLayout(Path()).scores("test", *kinds).name for kinds in ((), (SLICES,), (BASELINES,), (SLICES, BASELINES))
)


def run_folds(config: Config, name: str, console: Console, *, resume: bool) -> Path:
    """Trains `config` (resolved) once a fold of `data.folds`, pools what the folds say, and prints what that shows.

    Every study of the store takes part, whatever split the store has. A fold that is done is not trained again when a
    run is resumed. Returns the run folder.
    """
    accelerator, loud, store, folder = start(config, name, console, resume=resume)
    run, (folds, dealt) = RunLayout(folder), deal_folds(config, store)
    for splits in dealt:  # what forbids the last fold should show before the first is trained
        check_training(config, store, splits)
    if accelerator.is_main_process:
        _describe(run, config, store, folds, accelerator)
    counts = ", ".join(str(folds.count(fold)) for fold in range(len(dealt)))
    said = f"{len(dealt)} folds by patient over all {len(store)} studies ({counts}), the store's own splits set aside"
    loud.print(said, highlight=False)
    for fold, splits in enumerate(dealt):
        part = run.fold(fold)
        if _concluded(part, accelerator):
            loud.print(f"\n{part.folder.name}: done before", highlight=False)
            continue
        loud.print(f"\n{part.folder.name}", style="bold", highlight=False)
        own = config.model_copy(update={"run": part.folder})
        train_split(own, part.folder, store, splits, accelerator, loud, resume=resume, tell=False)
    if accelerator.is_main_process:
        said = [] if run.studies.is_file() else write_studies(run.studies, store, "fold", folds)
        said += _pool(run, [run.fold(fold).predictions for fold in range(len(dealt))], run.predictions)
        for line in said:
            loud.print(line, markup=False, highlight=False)
        _conclude(run, len(dealt), loud)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return folder


def deal_folds(config: Config, store: Store) -> tuple[list[int], list[Splits]]:
    """The fold of each study, and for each fold the split that tests it."""
    options = config.data.folds
    if options is None:
        raise UsageError("data.folds: not set; give data.folds.count=5")
    folds = make_folds(store.patient_ids, store.labels, count=options.count, seed=options.seed)
    everyone = (store.study_ids, store.patient_ids, store.labels, folds)
    dealt = [splits_of_fold(*everyone, fold, val=options.val, seed=options.seed) for fold in range(options.count)]
    return list(folds), [for_training(config, store, splits) for splits in dealt]


def evaluate_folds(
    folder: Path,
    split: Split,
    shown: Sequence[Sequence[str]] | None,
    out: Path | None,
    scoring: Scoring = AS_TRAINED,
) -> Path:
    """Scores every fold of a finished cross-validation again, each by its own model; returns the pooled file.

    The files are the run's own, or lie in `out`. Raises `UsageError` for another split than test, in which a study
    would be scored by several models, and where a fold is not done.
    """
    run = RunLayout(folder)
    if split != "test":
        raise UsageError(
            f"--split {split}: a study is in that split of several folds; evaluate one, such as {run.fold(0).folder}"
        )
    parts = [run.fold(fold) for fold in range(max(read_folds(run.folds).values()) + 1)]
    waiting = [part.folder.name for part in parts if not is_concluded(part)]
    if waiting:
        raise UsageError(f"{folder}: {waiting[0]} is not trained to its end; go on with mmdx train --resume")
    accelerator = make_accelerator()
    places = [out / part.folder.name if out is not None else part.predictions for part in parts]
    for part, place in zip(parts, places, strict=True):
        score_run(part.folder, "test", shown, place, accelerator, scoring)
    pooled = out or run.predictions
    if accelerator.is_main_process:
        for line in _pool(run, places, pooled):
            Console(stderr=True).print(line, markup=False, highlight=False)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return _scores(pooled)


def _scores(predictions: Path) -> Path:
    """The test scores of studies, or of slices where the models answer for no studies."""
    return next((path for name in POOLED[:2] if (path := predictions / name).is_file()), predictions / POOLED[0])


def _describe(run: RunLayout, config: Config, store: Store, folds: Sequence[int], accelerator: Accelerator) -> None:
    """The first files of a cross-validation; a resumed one keeps those that it has."""
    if run.config.is_file():
        if read_folds(run.folds) != dict(zip(store.study_ids, folds, strict=True)):
            raise DataError(f"{run.folds}: the store deals its patients otherwise now; start a new run")
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    write_folds(run.folds, store.study_ids, store.patient_ids, folds)
    write_origin(run, config, store, accelerator)


def _concluded(run: RunLayout, accelerator: Accelerator) -> bool:
    """Whether a fold is done, as the main process sees it: all must go the same way."""
    seen = [is_concluded(run)] if accelerator.is_main_process else [False]
    return bool(broadcast_object_list(seen)[0])


def _pool(run: RunLayout, places: Sequence[Path], out: Path) -> list[str]:
    """The test files of the folds as one, each study once, in the order of a single run's, and a column `fold`.

    A baseline that a fold could not make is left out, and said. Raises `DataError` where they do not hold every study
    of `folds.csv` once.
    """
    expected, said = read_folds(run.folds), []
    out.mkdir(parents=True, exist_ok=True)
    for name in POOLED:
        files = {fold: place / name for fold, place in enumerate(places) if (place / name).is_file()}
        if not files:
            continue
        tables = [pd.read_csv(path, dtype=str, keep_default_na=False).assign(fold=n) for n, path in files.items()]
        rows = pd.concat(tables, ignore_index=True)
        if name.endswith(f"{BASELINES}.csv"):
            everywhere = set.intersection(*(set(table["shown"]) for table in tables))
            lost = [shown for shown in dict.fromkeys(rows["shown"]) if shown not in everywhere]
            said += [f"{name}: without '{shown}', which not every fold could make" for shown in lost]
            rows = rows.loc[~rows["shown"].isin(lost)].reset_index(drop=True)
        scored = dict(zip(rows["study_id"], rows["fold"], strict=True))
        if name == POOLED[0] and scored != expected:
            raise DataError(
                f"{out / name}: its folds score other studies than {run.folds} says; evaluate the run again"
            )
        rows["shown"] = pd.Categorical(rows["shown"], list(dict.fromkeys(rows["shown"])), ordered=True)
        partial = (out / name).with_suffix(".partial")
        rows.sort_values(["shown", "study_id"], kind="stable").to_csv(partial, index=False)
        partial.replace(out / name)
    return said


def _conclude(run: RunLayout, count: int, console: Console) -> None:
    """The comparison of what the models were shown, over all studies, and how it varies over the folds."""
    parts = [run.fold(fold) for fold in range(count)]
    comparison = compare([run.folder], split="test")
    spreads = spread_over([_scores(part.predictions) for part in parts])
    saved = load_model(parts[0].best)
    folds = {"count": count, "spread": spread_records(spreads)}
    slices = judging_slices(run, saved, comparison)
    found = metrics(saved, comparison) | {"folds": folds} | ({"slices": slices.to_json()} if slices else {})
    write_json(run.metrics, found)
    write_reporting(run.folder)
    told = (
        f"Cross-validation: {count} folds by patient (`folds.csv`), a model a fold (`fold-0` …), each study scored "
        "once, by the model that was trained without its patient. Scores are probabilities, not calibrated, and of "
        f"{count} models: a pooled AUROC also ranks studies of one model against those of another, and is not the mean "
        "over the folds. Intervals are over patients alone; the spread over folds stands apart."
    )
    sheets = [spread_sheet(spreads, HEADLINE, finding=finding) for finding in (None, *saved.facts.findings)]
    ground = Ground(run, saved, comparison, slices)
    write_text(run.card, card(ground, [told, *map(markdown_table, sheets)], markdown(comparison)))
    console.print(f"\nall {count} folds, each study scored once, out of fold", style="bold", highlight=False)
    console.print(summary_tables(comparison))
    if slices is not None:
        console.print("\nslices, each by itself", style="bold", highlight=False)
        console.print(summary_tables(slices))
    console.print(sheet_table(sheets[0]))
    console.print(f"\nThe tables above pool the scores of {count} models; in the last one each fold stands alone.")
    console.print(f"run folder:   {run.folder}\nnext:         mmdx compare {run.folder}", markup=False, highlight=False)
