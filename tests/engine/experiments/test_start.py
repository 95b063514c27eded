"""How a training begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.start import start
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("start")
    return write_config(home / "tiny.yaml", write_cohort(home / "raw", patients=12))


@pytest.fixture(scope="module")
def setting(config: Path) -> Setting:
    return start(resolve(read_config(config)), name="tiny", resume=False, console=QUIET)


def test_it_has_the_store_its_split_and_a_free_run_folder(setting: Setting, config: Path) -> None:
    assert setting.run.folder == config.parent / "run"
    assert not setting.run.folder.exists()
    assert len(setting.store) == len(setting.splits) == 12
    assert list(setting.splits) == list(setting.store.splits)
    assert setting.is_main


def test_without_a_run_there_is_nothing_to_resume(setting: Setting) -> None:
    with pytest.raises(UsageError, match=r"--resume: no run to resume in .*run; train without --resume"):
        start(setting.config, name="tiny", resume=True, console=QUIET)
