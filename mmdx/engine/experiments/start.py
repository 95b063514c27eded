"""How every training begins: its processes, its store, its split, and where it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from accelerate.utils import broadcast_object_list
from rich.console import Console

from mmdx.data.counting import Count, uncounted
from mmdx.engine.assembly.resolve import lacking_parts
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.processes import LAUNCHED_SHORT, launched_short, main_first, make_accelerator
from mmdx.engine.runs.folder import Chosen, chosen_run, free_run
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Config


@contextmanager
def started(
    config: Config, *, name: str, resume: bool, console: Console, count: Count = uncounted
) -> Iterator[tuple[Setting, bool]]:
    """The setting of a training of `config` (resolved), whose run is called after `name` where the config does not say,
    and whether it goes on with what lies there. Inside the block no other training takes its run folder.

    A cross-validation deals its own splits: here it has those of the store. Raises `UsageError` or `DataError` where
    there is no such store, split, or run to resume, and where another process trains the run.
    """
    if not resume and (problems := lacking_parts(config.model_dump())):
        raise UsageError(problems)
    if not resume:
        # Before minutes are spent on a store, and before the processes meet: until then none has claimed a folder.
        free_run(config, name)
    accelerator = make_accelerator(config.train.precision)
    main_console = console if accelerator.is_main_process else Console(quiet=True)
    if launched_short(accelerator):
        main_console.print(LAUNCHED_SHORT, highlight=False)
    store = open_store(config, main_console, main_first(accelerator))
    splits = deal(config, store) if config.data.folds is None else store.splits
    listener = count if accelerator.is_main_process else uncounted
    with ExitStack() as claim:
        # The main process alone looks for a free folder: a second look could find one that the first has made.
        chosen: list[Any] = [None]
        if accelerator.is_main_process:
            chosen = [claim.enter_context(chosen_run(config, name, resume=resume))]
        run: Chosen = broadcast_object_list(chosen)[0]
        setting = Setting(config, RunLayout(run.folder), store, splits, accelerator, main_console, count=listener)
        setting.say(*run.lines())
        yield setting, run.resume
