"""Trackers, through Accelerate: programs that are told of a training beside `log.jsonl`, and keep it on this machine.

What leaves the machine leaves it because the user told the tracker so, by the tracker's own variables
(`docs/trackers.md`). Nothing of single studies is told: the config, losses, metrics, figures and the model folder.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from accelerate.tracking import GeneralTracker, MLflowTracker, TensorBoardTracker, TrackioTracker, WandBTracker
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmdx.config_file import dump_config
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError, reason
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.forest import forest_plots
from mmdx.stats.report.plots import picture

PROJECT = "mmdx"
"""Under which name trackers that know projects keep trainings."""
QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""Variables that keep trackers from sending anything, and from talking between our lines, unless the user sets them."""


@contextmanager
def tracked(setting: Setting) -> Iterator[None]:
    """The trackers of `train.trackers` are told of a training, under the name of its run folder, until the block ends.

    Where the block fails, trackers that know of failed trainings are told so. Afterwards the accelerator has none, so
    that a command can train again with it. Raises `UsageError` for a tracker that does not start; one that fails later
    is told no more, in a line, and the training goes on.
    """
    accelerator = setting.accelerator
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    names = dict.fromkeys(setting.config.train.trackers)
    told: list[Any] = [_Told(_MAKERS[name](setting.run.folder), setting) for name in names]
    accelerator.log_with = told
    failed = True
    try:
        accelerator.init_trackers(PROJECT, config=dict(_flat(setting.config.model_dump(mode="json"))))
        if others := [name for name in names if name != "tensorboard"]:
            setting.say(f"trackers: {', '.join(others)} (docs/trackers.md says where each keeps what it is told)")
        yield
        failed = False
    finally:
        for tracker in accelerator.trackers:
            tracker.end(failed=failed)
        accelerator.trackers = []


def log_results(setting: Setting, comparison: Comparison, step: int) -> None:
    """Tells what the test split shows after the last `step`: every metric of each arm, macro mean and each finding; all
    trackers but TensorBoard, which lies in the run folder, are shown the comparison's forests and keep the model that
    stays."""
    values = {
        f"{comparison.split}/{arm}/{metric}{'' if finding is None else f'/{finding}'}": estimate.value
        for (arm, metric, finding), estimate in comparison.estimates.items()
        if math.isfinite(estimate.value)
    }
    setting.accelerator.log(values, step=step)
    keeping = [tracker for tracker in setting.accelerator.trackers if tracker.name in _MODELS]
    plots = forest_plots(comparison) if keeping else []
    for tracker in keeping:
        for plot in plots:
            tracker.log_figure(plot.name, picture(plot), step)
        tracker.log_model(setting.run.best)


class _Told(GeneralTracker):
    """A tracker of Accelerate's that cannot end a training: what it raises is said once, and it is told no more."""

    requires_logging_directory = False

    def __init__(self, inner: Any, setting: Setting) -> None:
        super().__init__(_blank=True)
        self.inner, self.setting, self.name = inner, setting, inner.name
        self.started, self.lost = False, False

    @property
    def tracker(self) -> Any:
        return self.inner.tracker

    def start(self) -> None:
        try:
            with redirect_stdout(io.StringIO()):
                self.inner.start()
            self.started = True
        except Exception as error:
            raise UsageError(
                f"train.trackers: {self.name} did not start ({reason(error)}); set it right, or leave it out"
            ) from None

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        # TensorBoard's own table of settings would open a folder at every start.
        text = "".join(f"    {line}\n" for line in dump_config(self.setting.config).splitlines())
        if isinstance(self.inner, TensorBoardTracker):
            self._tell(partial(self.inner.log, {"config": text}, step=0))
        else:
            self._tell(partial(self.inner.store_init_configuration, values))

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        if isinstance(self.inner, MLflowTracker):
            values = {_plain(name): value for name, value in values.items()}
        self._tell(partial(self.inner.log, values, step=step, **kwargs))

    def log_figure(self, name: str, figure: Figure, step: int) -> None:
        self._tell(partial(_FIGURES[self.name], self.inner, name, figure, step))

    def log_model(self, folder: Path) -> None:
        self._tell(partial(_MODELS[self.name], self.inner, folder))

    def end(self, *, failed: bool) -> None:
        if not self.started:  # nor those after one that did not start
            return
        ends, self.lost = _ENDS | _FAILURES if failed else _ENDS, False  # it keeps what it was told before it failed
        self._tell(partial(ends[self.name], self.inner) if self.name in ends else self.inner.finish)

    def _tell(self, what: Callable[[], Any]) -> None:
        if self.lost:
            return
        try:
            with redirect_stdout(io.StringIO()):
                what()
        except Exception as error:
            self.lost = True
            self.setting.say(f"train.trackers: {self.name} is told no more: {reason(error)}")


def _plain(name: str) -> str:
    """A name in the few letters that MLflow takes: others by their bytes, as `:2B` for `+`."""
    return quote(name, safe=" /").replace("%", ":").replace("~", ":7E")


def _flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a nested mapping under dotted keys; lists as text."""
    for key, value in content.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _name(folder: Path) -> str:
    """What a training is called: its folder as seen from here, else the folder's own name."""
    here, folder = Path.cwd().resolve(), folder.resolve()
    return folder.relative_to(here).as_posix() if folder.is_relative_to(here) else folder.name


def _tensorboard(folder: Path) -> TensorBoardTracker:
    return TensorBoardTracker("tensorboard", logging_dir=str(folder))


def _wandb(folder: Path) -> WandBTracker:
    import wandb

    # A copy of the console would stand beside our own log.
    return WandBTracker(PROJECT, name=_name(folder), settings=wandb.Settings(console="off"))


def _mlflow(folder: Path) -> MLflowTracker:
    return MLflowTracker(PROJECT, run_name=_name(folder))


def _trackio(folder: Path) -> TrackioTracker:
    return TrackioTracker(PROJECT, name=_name(folder), embed=False)


def _trackio_end(tracker: Any) -> None:
    import trackio

    trackio.finish()


def _wandb_failed(tracker: Any) -> None:
    tracker.run.finish(exit_code=1)


def _mlflow_failed(tracker: Any) -> None:
    import mlflow

    mlflow.end_run("FAILED")


def _wandb_figure(tracker: Any, name: str, figure: Figure, step: int) -> None:
    import wandb

    tracker.log({f"figures/{name}": wandb.Image(_pixels(figure))}, step=step)


def _mlflow_figure(tracker: Any, name: str, figure: Figure, step: int) -> None:
    tracker.log_figure(figure, f"figures/{name}.png")


def _trackio_figure(tracker: Any, name: str, figure: Figure, step: int) -> None:
    import trackio

    tracker.log({f"figures/{name}": trackio.Image(_pixels(figure))}, step=step)


def _pixels(figure: Figure) -> UInt8[np.ndarray, "h w 3"]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _wandb_model(tracker: Any, folder: Path) -> None:
    import wandb

    artifact = wandb.Artifact("model", type="model")
    artifact.add_dir(str(folder))
    tracker.run.log_artifact(artifact)


def _mlflow_model(tracker: Any, folder: Path) -> None:
    tracker.log_artifacts(str(folder), "model")


def _trackio_model(tracker: Any, folder: Path) -> None:
    import trackio

    trackio.log_artifact(str(folder), name="model", type="model")


_MAKERS: dict[str, Callable[[Path], GeneralTracker]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
    "trackio": _trackio,
}
_ENDS: dict[str, Callable[[Any], None]] = {"trackio": _trackio_end}
_FAILURES: dict[str, Callable[[Any], None]] = {"wandb": _wandb_failed, "mlflow": _mlflow_failed}
_FIGURES: dict[str, Callable[[Any, str, Figure, int], None]] = {
    "wandb": _wandb_figure,
    "mlflow": _mlflow_figure,
    "trackio": _trackio_figure,
}
_MODELS: dict[str, Callable[[Any, Path], None]] = {
    "wandb": _wandb_model,
    "mlflow": _mlflow_model,
    "trackio": _trackio_model,
}
