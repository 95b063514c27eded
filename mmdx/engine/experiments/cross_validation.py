"""Cross-validation: one run folder per fold, and the predictions of all of them, out of fold, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from mmdx.config_file import read_config
from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.folds import make_folds, read_folds, splits_of_fold, write_folds
from mmdx.data.splits.sites import site_folds
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import check_training
from mmdx.engine.assembly.saved import load_model, write_ensemble
from mmdx.engine.assembly.store import for_training
from mmdx.engine.experiments.two_stage import train_split
from mmdx.engine.processes import make_accelerator
from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.engine.reporting.conclude import judging_slices, metrics
from mmdx.engine.reporting.model_card import CardInputs, card
from mmdx.engine.runs.folder import is_concluded
from mmdx.engine.runs.record import write_origin
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import write_labels, write_studies
from mmdx.engine.runs.threads import threads_of_run
from mmdx.engine.scoring.evaluate import AS_TRAINED, Scoring, score_run
from mmdx.engine.scoring.pool import KINDS_OF_SCORES, together
from mmdx.errors import DataError, UsageError
from mmdx.files import BASELINES, BOXES_GRAD_CAM, EVALUATION, ModelLayout, RunLayout, write_json, write_text, written
from mmdx.schema import Config
from mmdx.stats.cohort.unfinished import unfinished
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.contents import headline_metrics
from mmdx.stats.report.markdown import markdown, markdown_table
from mmdx.stats.report.tables import Sheet
from mmdx.stats.sections.folds.spread import spread_over, spread_records, spread_sheet
from mmdx.strangers.screen import screen
from mmdx.study import Split

POOLED = tuple(RunLayout(Path()).scores("test", *kinds).name for kinds in (*KINDS_OF_SCORES, (BOXES_GRAD_CAM,)))


@dataclass(frozen=True)
class FoldResults:
    """What a cross-validation shows: all studies out of fold, its slices where these judged the epochs, and how what
    it leads with spreads over the folds."""

    count: int
    comparison: Comparison
    slices: Comparison | None
    spread: Sheet


def train_folds(setting: Setting, *, resume: bool) -> FoldResults | None:
    """Trains a config once per fold of `data.folds`, and pools what the folds predict; None but on the main process.

    Further deals of the folds come first, each a run folder of its own, so that in the end stands what all show.
    Every study of the store takes part, whatever split the store has. A fold that is done is not trained again when a
    run is resumed. The ensemble of the fold models is left for new studies: every study here has taught some of them.
    """
    config, run, store = setting.config, setting.run, setting.store
    deals = every_deal(config)
    for deal in deals:  # what forbids the last fold should show before the first is trained
        for splits in deal_folds(deal, store)[1]:
            check_training(deal, store, splits)
    folds, splits_by_fold = deal_folds(config, store)
    if setting.is_main:
        _record(setting, folds)
    for number, deal in enumerate(deals[1:], start=1):
        part = run.repeat(number)
        if _concluded(part, setting.accelerator):
            setting.say(f"\n{part.folder.name}: done before")
            continue
        setting.console.print(f"\n{part.folder.name}", style="bold", highlight=False)
        train_folds(replace(setting, config=deal.model_copy(update={"run": part.folder}), run=part), resume=resume)
    count = len(splits_by_fold)
    sizes = ", ".join(str(folds.count(fold)) for fold in range(count))
    if store.describers_learned:
        setting.say(
            f"{store.folder}: its descriptors are of models that learned from studies of other folds, so that this "
            "cross-validation is not nested; give data.folds and first together for one that is"
        )
    options = config.data.folds
    how = "patient" if options is None or options.by is None else f"{options.by}, patients together,"
    setting.say(f"{count} folds by {how} over all {len(store)} studies ({sizes}), the store's own splits set aside")
    for fold, splits in enumerate(splits_by_fold):
        part = run.fold(fold)
        if _concluded(part, setting.accelerator):
            setting.say(f"\n{part.folder.name}: done before")
            continue
        setting.console.print(f"\n{part.folder.name}", style="bold", highlight=False)
        inside = replace(setting, config=config.model_copy(update={"run": part.folder}), run=part, splits=splits)
        train_split(inside, resume=resume)
    return gather_folds(setting, count)


def gather_folds(setting: Setting, count: int) -> FoldResults | None:
    """What `count` finished folds show together, their predictions in one file and their models in one folder; None but
    on the main process."""
    run, store, results = setting.run, setting.store, None
    if setting.is_main:
        fold_of = read_folds(run.folds)
        if not run.studies.is_file():
            setting.say(*write_studies(run.studies, store, "fold", [fold_of[study] for study in store.study_ids]))
        if not run.labels.is_file():
            write_labels(run.labels, store, setting.config.data.findings or store.findings)
        setting.say(*_pool(run, [run.fold(fold).predictions for fold in range(count)], run.predictions))
        write_ensemble(run.best, [run.fold(fold).best for fold in range(count)])
        results = _conclude(run, count, setting.count)
    setting.accelerator.wait_for_everyone()
    return results


def deal_folds(config: Config, store: Store) -> tuple[list[int], list[Splits]]:
    """The fold of each study, and for each fold the split that tests it."""
    options = config.data.folds
    if options is None:
        raise UsageError("data.folds: not set; give data.folds.count=5")
    if options.by is None:
        folds = make_folds(store.patient_ids, store.labels, count=options.count, seed=options.seed)
    else:
        folds = site_folds(store.patient_ids, _traits(store, options.by), name=options.by)[0]
    everyone = (store.study_ids, store.patient_ids, store.labels, folds)
    count = max(folds) + 1
    dealt = [splits_of_fold(*everyone, fold, val=options.val, seed=options.seed) for fold in range(count)]
    return list(folds), [for_training(config, store, splits) for splits in dealt]


def every_deal(config: Config) -> list[Config]:
    """The configs of all deals of `data.folds`, each of one deal, the config's own seed first."""
    options = config.data.folds
    if options is None or options.repeats == 1:
        return [config]
    deals = [options.model_copy(update={"repeats": 1, "seed": options.seed + n}) for n in range(options.repeats)]
    return [config.model_copy(update={"data": config.data.model_copy(update={"folds": deal})}) for deal in deals]


def _traits(store: Store, name: str) -> list[str | float | None]:
    """A trait of every study, None where it has none."""
    return [store.read(row).traits().get(name) for row in range(len(store))]


def evaluate_folds(
    folder: Path,
    split: Split,
    shown: Sequence[Sequence[str]] | None,
    out: Path | None,
    scoring: Scoring = AS_TRAINED,
    count: Count = uncounted,
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
    for part in parts:
        if not is_concluded(part):
            standing = unfinished(part.folder) or unfinished(folder)
            how = standing.sentence if standing is not None else "not trained to its end"
            raise UsageError(f"{folder}: {part.folder.name} is {how}")
    accelerator = make_accelerator()
    places = [out / part.folder.name if out is not None else part.predictions for part in parts]
    for part, place in zip(parts, places, strict=True):
        with threads_of_run(part):
            score_run(part.folder, "test", shown, place, accelerator, scoring, count)
    pooled = out or run.predictions
    if accelerator.is_main_process:
        for line in _pool(run, places, pooled):
            screen(stderr=True).print(line, markup=False, highlight=False)
        if out is not None:
            stated = read_config(run.config).data.stated
            write_json(out / EVALUATION, {"run": str(folder), "split": split} | stated)
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return _scores(pooled)


def _scores(predictions: Path) -> Path:
    """The test scores of studies, or of slices where the models answer for no studies."""
    return next((path for name in POOLED[:2] if (path := predictions / name).is_file()), predictions / POOLED[0])


def _record(setting: Setting, folds: Sequence[int]) -> None:
    """Writes the first files of a cross-validation; a resumed one keeps those that it has."""
    run, store = setting.run, setting.store
    if run.config.is_file():
        if read_folds(run.folds) != dict(zip(store.study_ids, folds, strict=True)):
            raise DataError(f"{run.folds}: the store deals its patients otherwise now; start a new run")
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    by = setting.config.data.folds.by if setting.config.data.folds is not None else None
    sites = site_folds(store.patient_ids, _traits(store, by), name=by)[1] if by is not None else None
    write_folds(run.folds, store.study_ids, store.patient_ids, folds, sites)
    write_origin(run, setting.config, store, setting.accelerator)


def _concluded(run: RunLayout, accelerator: Accelerator) -> bool:
    """Whether a fold is done, as the main process sees it: all must go the same way."""
    concluded = [is_concluded(run)] if accelerator.is_main_process else [False]
    return bool(broadcast_object_list(concluded)[0])


def _pool(run: RunLayout, places: Sequence[Path], out: Path) -> list[str]:
    """The test files of the folds as one, each study once, in the order of a single run's, and a column `fold`.

    A baseline that a fold could not make is left out, and said. Raises `DataError` where they do not hold every study
    of `folds.csv` once.
    """
    expected, lines = read_folds(run.folds), []
    for name in POOLED:
        files = {fold: place / name for fold, place in enumerate(places) if (place / name).is_file()}
        if not files:
            continue
        tables = [pd.read_csv(path, dtype=str, keep_default_na=False).assign(fold=n) for n, path in files.items()]
        rows, lost = together(tables, baselines=name.endswith(f"{BASELINES}.csv"))
        lines += [f"{name}: without '{shown}', which not every fold could make" for shown in lost]
        scored = dict(zip(rows["study_id"], rows["fold"], strict=True))
        if name == POOLED[0] and scored != expected:
            raise DataError(
                f"{out / name}: its folds score other studies than {run.folds} says; evaluate the run again"
            )
        with written(out / name) as partial:
            rows.to_csv(partial, index=False)
    return lines


def _conclude(run: RunLayout, count: int, told: Count) -> FoldResults:
    """Compares what the models were shown, over all studies, and writes that and how it varies over the folds."""
    parts = [run.fold(fold) for fold in range(count)]
    comparison = compare([run.folder], split="test", count=told)
    spreads = spread_over([_scores(part.predictions) for part in parts])
    saved = load_model(parts[0].best)
    slices = judging_slices(run, saved, comparison, told)
    content = metrics(saved, comparison) | {"folds": {"count": count, "spread": spread_records(spreads)}}
    content |= {"slices": slices.to_json()} if slices else {}
    write_json(run.metrics, content)
    calibrated = parts[0].final.is_file() or ModelLayout(parts[0].best).stack.is_file()
    meaning = "probabilities, calibrated inside each fold" if calibrated else "not calibrated and no probabilities"
    paragraph = (
        f"Cross-validation: {count} folds by patient (`folds.csv`), one model per fold (`fold-0` …), each study scored "
        "once, by the model that was trained without its patient. Scores are "
        f"{meaning}, and of {count} models, so that an AUROC counts pairs within a fold, and average precision takes "
        "ranks within folds. "
        "Intervals are over patients alone; the spread over folds stands apart."
    )
    sheets = [
        spread_sheet(spreads, headline_metrics(comparison), finding=finding)
        for finding in dict.fromkeys((*comparison.leads, None, *saved.facts.findings))
    ]
    card_inputs = CardInputs(run, saved.config, saved.facts, comparison, slices)
    text = card(card_inputs, [paragraph, *map(markdown_table, sheets)], markdown(comparison))
    write_reporting(run.folder)
    write_text(run.card, text)
    return FoldResults(count, comparison, slices, sheets[0])
