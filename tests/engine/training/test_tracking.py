"""What a training tells while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
from accelerate import Accelerator
from parts import config_of
from rich.console import Console

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.runs.setting import Setting
from mmdx.engine.training.state import Progress
from mmdx.engine.training.tracking import Pace, log_epoch, log_step, peak_memory
from mmdx.files import RunLayout
from mmdx.stats.metrics.evaluate import Judgement


def test_steps_and_epochs_stand_in_the_log_and_an_epoch_is_a_line(tmp_path: Path):
    store = object.__new__(Store)  # no store is read
    console = Console(quiet=True)
    setting = Setting(config_of(), RunLayout(tmp_path), store, Splits(()), Accelerator(cpu=True), console)
    log_step(setting, Progress(epoch=0, batch=1, step=1), 0.5, {"loss": 2.0, "study": 2.0})
    first, second = Judgement(0.75, 0.5, "auroc"), Judgement(0.5, 0.6, "auroc")
    by_loss = Judgement(0.5, 0.4, "log_loss")
    pace, resumed = Pace(2.0, 1.0, 155, "slices"), Pace(2.0, 0.0, 0, "slices")
    lines = [
        log_epoch(
            setting, Progress(1, step=1, best=0.75, best_epoch=0), [2.0, 4.0], first, Pace(1.26, 1.0, 5, "studies")
        ),
        log_epoch(setting, Progress(epoch=2, step=2, best=0.75, best_epoch=0), [], second, resumed),
        log_epoch(setting, Progress(epoch=3, step=3), [1.0], None, Pace(14.5, 2.0, 155, "slices")),
        log_epoch(setting, Progress(epoch=4, step=4, best=-0.4, best_epoch=3), [1.0], by_loss, pace),
        log_epoch(setting, Progress(epoch=5, step=5), [1.0], by_loss, pace),
    ]
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    peak = peak_memory(setting.accelerator.device)
    memory = [entry.pop("peak_memory_gb") for entry in entries[1:]]
    assert sorted(memory) == memory
    assert 0.1 < memory[0] <= round(peak, 3) < psutil.virtual_memory().total / 1e9
    assert entries == [
        {"step": 1, "epoch": 1, "lr": 0.5, "loss": 2.0, "study": 2.0},
        {"step": 1, "epoch": 1, "seconds": 1.26, "studies_per_second": 5.0}
        | {"val_auroc": 0.75, "val_log_loss": 0.5, "judged_by": "auroc"},
        {"step": 2, "epoch": 2, "seconds": 2.0, "slices_per_second": 0.0}
        | {"val_auroc": 0.5, "val_log_loss": 0.6, "judged_by": "auroc"},
        {"step": 3, "epoch": 3, "seconds": 14.5, "slices_per_second": 77.5},
        {"step": 4, "epoch": 4, "seconds": 2.0, "slices_per_second": 155.0}
        | {"val_auroc": 0.5, "val_log_loss": 0.4, "judged_by": "log_loss"},
        {"step": 5, "epoch": 5, "seconds": 2.0, "slices_per_second": 155.0}
        | {"val_auroc": 0.5, "val_log_loss": 0.4, "judged_by": "log_loss"},
    ]
    gb = f", {peak:.1f} GB"
    assert lines == [
        f"epoch  1  loss 3.000  val AUROC 0.750 best  1.3 s, 5.0/s{gb}",
        f"epoch  2  resumed  val AUROC 0.500  2.0 s{gb}",
        f"epoch  3  loss 1.000  14 s, 78/s{gb}",
        f"epoch  4  loss 1.000  val AUROC 0.500, log loss 0.400 best  2.0 s, 155/s{gb}",
        f"epoch  5  loss 1.000  val AUROC 0.500  2.0 s, 155/s{gb}",
    ]
