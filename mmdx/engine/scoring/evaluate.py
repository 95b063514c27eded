"""A finished run scored again: on any split, with any modality withheld, its images in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from accelerate import Accelerator

from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import store_of, stores_of_members
from mmdx.engine.processes import make_accelerator
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.threads import threads_of_run
from mmdx.engine.scoring.baselines.files import write_baselines
from mmdx.engine.scoring.grad_cam import cam_boxes
from mmdx.engine.scoring.orders import slice_orders
from mmdx.engine.scoring.score import default_showings, score_split
from mmdx.engine.scoring.texts import write_reports
from mmdx.errors import UsageError
from mmdx.files import EVALUATION, RunLayout, write_json
from mmdx.schema import Config, SliceOrder
from mmdx.stats.cohort.unfinished import UNFINISHED, unfinished
from mmdx.strangers.screen import screen
from mmdx.study import Split


@dataclass(frozen=True)
class Scoring:
    """How a run is scored: images read otherwise than by its `data.order` and `data.drop_images` (None: as it did), and
    whether boxes are drawn around Grad-CAM as well."""

    order: SliceOrder | None = None
    drop: float | None = None
    grad_cam: bool = False

    def applied(self, config: Config) -> Config:
        options = {"order": self.order, "drop_images": self.drop}
        changes = {key: value for key, value in options.items() if value is not None}
        return config.model_copy(update={"data": config.data.model_copy(update=changes)})


AS_TRAINED = Scoring()


def evaluate_run(
    folder: Path,
    split: Split,
    shown: Sequence[Sequence[str]] | None,
    out: Path | None,
    scoring: Scoring = AS_TRAINED,
    count: Count = uncounted,
) -> Path:
    """Scores a run again on one split; returns the prediction file. Of one that is not finished it says so.

    The file is the run's own `predictions/<split>.csv`, or lies in `out`, beside `evaluation.json`, which says how
    images were read and which finding is the primary one; the baselines of its rows lie beside it. Raises `DataError`
    where the store is no longer the one that the run was trained on.
    """
    accelerator = make_accelerator()
    with threads_of_run(RunLayout(folder)):
        path = score_run(folder, split, shown, out, accelerator, scoring, count)
    accelerator.end_training()  # processes that end while others still talk to them are aborted
    return path


def score_run(
    folder: Path,
    split: Split,
    shown: Sequence[Sequence[str]] | None,
    out: Path | None,
    accelerator: Accelerator,
    scoring: Scoring = AS_TRAINED,
    count: Count = uncounted,
) -> Path:
    """`evaluate_run` on processes that were started before."""
    run = RunLayout(folder)
    saved = load_model(model_folder(folder))
    if scoring.grad_cam and saved.others:
        raise UsageError(f"--grad-cam: {folder} is an ensemble; give one of its members")
    store = store_of(run, saved.config, accelerator)
    saved = saved.with_config(scoring.applied).to(accelerator.device)
    console = screen(stderr=True, quiet=not accelerator.is_main_process)
    splits = _unlearned(run, splits_of(run, store), split)
    stores = stores_of_members(run, store)
    listener = count if accelerator.is_main_process else uncounted
    setting = Setting(saved.config, run, store, splits, accelerator, console, stores, listener)
    place = out or run.predictions
    orders = slice_orders(saved.model, saved.config, store, setting.splits.rows(split))
    standing = unfinished(folder)
    if standing is not None:
        setting.console.print(f"{folder}: {standing.sentence}", markup=False, highlight=False, soft_wrap=True)
    setting.say(*orders.sentences())
    showings = shown or default_showings(list(saved.config.model.inputs))
    path = score_split(setting, saved, split, showings, place)
    if setting.is_main:
        setting.say(*write_baselines(setting, saved, (split,), place))
    accelerator.wait_for_everyone()
    if shown is None:
        write_reports(setting, saved, split, place)
    if scoring.grad_cam:
        cam_boxes(setting, saved, split, showings, place)
    if out is not None and setting.is_main:
        record = {"run": str(folder), "split": split} | saved.config.data.stated
        record |= {} if standing is None else {UNFINISHED: standing.so_far}
        write_json(out / EVALUATION, record | {"slice_orders": asdict(orders)})
    return path


def _unlearned(run: RunLayout, splits: Splits, split: Split) -> Splits:
    """The splits of a run by what its model has learned from. Raises `UsageError` where that is all of `split`."""
    if not run.final.is_file():
        return splits
    if split == "val":
        raise UsageError(
            f"--split val: the model has learned from these studies; {run.scores('val')} has what models that had not "
            "say of them"
        )
    return splits.joined()
