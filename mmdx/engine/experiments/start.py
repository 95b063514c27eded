"""How every training begins: its processes, its store, its split, and where it goes."""

from __future__ import annotations

from pathlib import Path

from accelerate.utils import broadcast_object_list
from rich.console import Console

from mmdx.data.counting import Count, uncounted
from mmdx.engine.assembly.resolve import lacking_parts
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.processes import LAUNCHED_SHORT, launched_short, main_first, make_accelerator
from mmdx.engine.runs.folder import choose_run
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Config


def start(config: Config, *, name: str, resume: bool, console: Console, count: Count = uncounted) -> Setting:
    """The setting of a training of `config` (resolved), whose run is called after `name` where the config does not say.

    A cross-validation deals its own splits: here it has those of the store. Raises `UsageError` or `DataError` where
    there is no such store, split, or run to resume.
    """
    if not resume and (problems := lacking_parts(config.model_dump())):
        raise UsageError(problems)
    accelerator = make_accelerator(config.train.precision)
    main_console = console if accelerator.is_main_process else Console(quiet=True)
    if launched_short(accelerator):
        main_console.print(LAUNCHED_SHORT, highlight=False)
    store = open_store(config, main_console, main_first(accelerator))
    # The main process alone looks for a free folder: a second look could find one that the first has made.
    chosen = [str(choose_run(config, name, resume=resume))] if accelerator.is_main_process else [""]
    run = RunLayout(Path(broadcast_object_list(chosen)[0]))
    splits = deal(config, store) if config.data.folds is None else store.splits
    listener = count if accelerator.is_main_process else uncounted
    return Setting(config, run, store, splits, accelerator, main_console, count=listener)
