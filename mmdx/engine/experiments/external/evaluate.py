"""A finished run scored on a second cohort: what the run learned is carried over, and nothing is fitted anew on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from accelerate import Accelerator

from mmdx.data.cohorts.joined import Described, JoinedStore, Part
from mmdx.data.cohorts.names import Known, Names, join_names, joining_lines
from mmdx.data.cohorts.repeated import Repeated, find_repeated, pictured_alike
from mmdx.data.counting import Count, uncounted
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.experiments.external.files import (
    Record,
    conclude_external,
    earlier_scores,
    keep_internal,
    keep_validation,
    only_joined,
    only_read,
    page_of,
)
from mmdx.engine.experiments.external.inputs import (
    check_alike,
    check_any,
    described_inputs,
    known_to,
    layout_for,
    stacked,
)
from mmdx.engine.experiments.external.second import SecondCohort
from mmdx.engine.experiments.external.trained import Trained, trained_on
from mmdx.engine.inference.study import check_trained
from mmdx.engine.processes import make_accelerator
from mmdx.engine.reporting.conclude import Scores, scores_of
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.threads import threads_of_run
from mmdx.engine.scoring.baselines.files import write_baselines
from mmdx.engine.scoring.descriptors import describe_rows
from mmdx.engine.scoring.evaluate import Scoring
from mmdx.engine.scoring.grad_cam import cam_boxes
from mmdx.engine.scoring.orders import slice_orders
from mmdx.engine.scoring.score import default_showings, parse_shown, score_split
from mmdx.engine.scoring.texts import write_reports
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import EVALUATION, RunLayout, write_json
from mmdx.kinds import KINDS
from mmdx.stats.cohort.unfinished import UNFINISHED, unfinished
from mmdx.strangers.screen import screen
from mmdx.study import Split


@dataclass(frozen=True)
class Asked:
    """What is asked of an evaluation: the cohort, the `split` of its own (None: every study), what is `shown` (nothing:
    every showing of what it has), the folder for the files, how images are read, and who is told how far it is."""

    cohort: SecondCohort
    split: Split | None
    shown: Sequence[str]
    out: Path | None
    scoring: Scoring
    count: Count = uncounted


def evaluate_on(folder: Path, asked: Asked) -> Scores:
    """Scores the model of a run (of a cross-validation the ensemble of its fold models) on a second cohort.

    The folder that it leaves reads like a run: `predictions/test.csv` with the baselines that the run's training
    studies give, `predictions/val.csv` of the run, by which thresholds and temperatures are chosen, `studies.csv`,
    `metrics.json`, `card.md` and the comparison.

    Raises `UsageError` for names that do not join and for a folder that holds a run, and `DataError` where the cohort
    is stored in another way than the training, has no study left, or no label.
    """
    accelerator = make_accelerator()
    run = RunLayout(folder)
    saved = load_model(model_folder(folder))
    check_trained(saved)
    if asked.scoring.grad_cam and saved.others:
        raise UsageError(f"--grad-cam: {folder} is an ensemble; give one of its members")
    saved = saved.with_config(asked.scoring.applied).to(accelerator.device)
    with threads_of_run(run) if run.environment.is_file() else nullcontext():
        scores = _score(run, saved, asked, accelerator)
    accelerator.end_training()
    return scores


def _score(run: RunLayout, saved: SavedModel, asked: Asked, accelerator: Accelerator) -> Scores:
    console = screen(stderr=True, quiet=not accelerator.is_main_process)
    store, names, lines = _joined_names(saved, asked.cohort, accelerator)
    place = RunLayout(_place(run, store, asked.out))
    earlier = earlier_scores(place)
    trained = trained_on(run, saved, console)
    rows, told, named = _rows(trained, store, names, asked)
    standing = unfinished(run.folder)
    lines += told if standing is None else [*told, f"{run.folder}: {standing.sentence}"]
    stores, joined = _stores(saved, trained, Part(store, rows, names))
    listener = asked.count if accelerator.is_main_process else uncounted
    setting = Setting(saved.config, place, stores[0], stores[0].splits, accelerator, console, stores, listener)
    setting.say(*lines, *named)
    showings = _showings(saved, joined, asked)
    if setting.is_main:
        for path in earlier:
            path.unlink()
    accelerator.wait_for_everyone()
    orders = slice_orders(saved.model, saved.config, setting.store, setting.splits.rows("test"))
    setting.say(*orders.sentences())
    path = score_split(setting, saved, "test", showings, place.predictions)
    if asked.scoring.grad_cam:
        cam_boxes(setting, saved, "test", showings, place.predictions)
    if setting.is_main:
        setting.say(*only_joined(place, names, store))
        keep_internal(run, place)
        kept = keep_validation(run, place)
        if kept is not None:
            setting.say(kept)
            lines.append(kept)
        if trained.train:
            setting.say(*write_baselines(setting, saved, ("test",), place.predictions))
            setting.say(*only_read(place, [name for name in saved.facts.inputs if not _has(saved, joined, name)]))
    accelerator.wait_for_everyone()
    if trained.train and not asked.shown and all(text in names.modalities for text in saved.facts.texts):
        write_reports(setting, saved, "test", place.predictions)
    if setting.is_main:
        said = (tuple(lines), tuple(named))
        record = Record(
            run, saved, store, names, asked.cohort.source, *said, orders, _left_out(store, asked, len(rows))
        )
        so_far = {} if standing is None else {UNFINISHED: standing.so_far}
        write_json(place.predictions / EVALUATION, record.to_json() | so_far)
        conclude_external(setting, record, joined)
    accelerator.wait_for_everyone()
    return replace(scores_of(path, "test", listener), page=page_of(place))


def _joined_names(saved: SavedModel, cohort: SecondCohort, accelerator: Accelerator) -> tuple[Store, Names, list[str]]:
    """The second store, what it calls what the run knows, and lines on what it lacks; checked to be stored alike."""
    store = cohort.opened(saved, accelerator)
    ours, theirs = known_to(saved), Known(tuple(store.findings), tuple(store.modalities))
    names = join_names(cohort.names, ours, theirs, store=str(store.folder))
    check_any(names, ours, store, bool(saved.facts.tables()))
    check_alike(saved, store, names)
    lines = joining_lines(names, ours, theirs, store=str(store.folder))
    made, names, more = stacked(saved, store, names)
    return made, names, [*lines, *more]


def _place(run: RunLayout, store: Store, out: Path | None) -> Path:
    """The folder for the files. Raises `UsageError` for a model folder, which has none of its own."""
    if out is None and not run.environment.is_file():
        raise UsageError(f"{run.folder}: is a model folder alone; give --out FOLDER for the scores")
    return out or run.external / store.folder.resolve().name


def _rows(trained: Trained, store: Store, names: Names, asked: Asked) -> tuple[list[int], list[str], list[str]]:
    """The rows of the second store that are scored, lines on who was left out and what cannot be seen, and who that is
    by name.

    Raises `DataError` where none is left, or none of them has a label.
    """
    rows = list(range(len(store))) if asked.split is None else store.splits.rows(asked.split)
    lines, repeated = [], Repeated()
    if trained.store is None:
        lines.append(f"{trained.missing}: baselines are left out, and whether its patients are in here cannot be seen")
    else:
        pictured = pictured_alike(trained.store, names.modalities)
        repeated = find_repeated(trained.store, trained.learned, store, pictured)
        rows = [row for row in rows if row not in repeated.rows]
        lines += repeated.lines
    if store.patients_unknown:
        lines.append(f"{store.folder}: nothing says whose {store.patients_unknown} studies are: each is a patient")
    of = "" if asked.split is None else f" of its {asked.split} split"
    if not rows:
        raise DataError(
            f"{store.folder}: no study{of} is left to score; {lines[0] if lines else 'choose another split'}"
        )
    joined = Part(store, rows, names).columns(list(names.findings))
    known = (store.labels[rows][:, joined] >= 0).any() or any(
        (store.read(row).slice_labels(theirs)[:, joined] >= 0).any()
        for theirs in names.modalities.values()
        if KINDS[store.modalities[theirs].kind].sliced
        for row in rows
    )
    if not known:
        raise DataError(
            f"{store.folder}: none of its {len(rows)} studies{of} has a label of {', '.join(names.findings)}; for "
            "studies without labels there is mmdx predict"
        )
    return rows, [*lines, f"scored: {len(rows)} of {len(store)} studies of {store.folder}"], list(repeated.named)


def _left_out(store: Store, asked: Asked, scored: int) -> dict[str, int]:
    """How many studies of the second store are not among those that are `scored`, by reason."""
    chosen = len(store) if asked.split is None else len(store.splits.rows(asked.split))
    reasons = {
        f"outside of its {asked.split} split": len(store) - chosen,
        "their patients taught the run": chosen - scored,
    }
    return {reason: count for reason, count in reasons.items() if count}


def _stores(saved: SavedModel, trained: Trained, scored: Part) -> tuple[tuple[JoinedStore, ...], JoinedStore]:
    """The training studies and the second cohort as each member of a model reads them, and the cohort alone."""
    stores = []
    for number, member in enumerate(saved.members):
        layout = layout_for(member)
        part = replace(scored, described=_described(member, scored))
        stores.append(JoinedStore([*trained.part(number, layout), part], layout))
    return tuple(stores), JoinedStore([stores[0].parts[-1]], stores[0].layout)


def _described(saved: SavedModel, scored: Part) -> Described:
    """What the first stage of a model says of the images of a second cohort, where it reads that."""
    inputs = described_inputs(saved, scored.store, scored.names)
    if saved.first is None or not inputs:
        return {}
    images = JoinedStore([scored], layout_for(saved.first))
    described = {}
    for logits in (True, False):
        names = [name for name in inputs if (saved.facts.inputs[name].logits > 0) is logits]
        if names:
            described |= describe_rows(saved.first, images, range(len(images)), names, logits=logits)
    return described


def _showings(saved: SavedModel, cohort: JoinedStore, asked: Asked) -> list[tuple[str, ...]]:
    """What is shown: as asked for, else every showing of the inputs that a study of the cohort has.

    Raises `UsageError` for an input that none of them has.
    """
    present = [name for name in saved.config.model.inputs if _has(saved, cohort, name)]
    if not present:
        raise DataError(f"{cohort.folder}: no study has anything that the run reads")
    for text in asked.shown:
        for name in parse_shown(text, list(saved.config.model.inputs)):
            if name not in present:
                raise UsageError(
                    f"--show {text}: no study of {cohort.folder} has '{name}'; {did_you_mean(name, present)}"
                )
    return [parse_shown(text, list(saved.config.model.inputs)) for text in asked.shown] or default_showings(present)


def _has(saved: SavedModel, cohort: JoinedStore, name: str) -> bool:
    """Whether a study of a cohort has an input."""
    facts = saved.facts.inputs[name]
    if KINDS[facts.kind].made:
        table = saved.facts.tables()[name]
        return any(len(table(study.traits())) for study in cohort)
    if KINDS[facts.kind].worded:
        return any(study.text(name) for study in cohort)
    return bool(cohort.lengths(name).any())
