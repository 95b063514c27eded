"""How a training begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.store.lock import LOCK
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.start import started
from mmdx.engine.runs.setting import Setting
from mmdx.errors import UsageError

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("start")
    return write_config(home / "tiny.yaml", write_cohort(home / "raw", patients=12))


@pytest.fixture(scope="module")
def setting(config: Path) -> Iterator[Setting]:
    with started(resolve(read_config(config)), name="tiny", resume=False, console=QUIET) as (setting, resume):
        assert not resume
        yield setting


def test_it_has_the_store_its_split_and_a_run_folder_of_its_own(setting: Setting, config: Path) -> None:
    assert setting.run.folder == config.parent / "run"
    assert [path.name for path in setting.run.folder.iterdir()] == [LOCK]
    assert len(setting.store) == len(setting.splits) == 12
    assert list(setting.splits) == list(setting.store.splits)
    assert setting.is_main


def test_while_it_lasts_no_other_training_has_the_folder(setting: Setting) -> None:
    for resume in (False, True):
        with (
            pytest.raises(UsageError, match=r"run: is being trained by process \d+ on "),
            started(setting.config, name="tiny", resume=resume, console=QUIET),
        ):
            pass


def test_without_a_run_there_is_nothing_to_resume(setting: Setting) -> None:
    config = setting.config.model_copy(update={"run": setting.run.folder.with_name("other")})
    with (
        pytest.raises(UsageError, match=r"--resume: no run to resume in .*other; train without --resume"),
        started(config, name="tiny", resume=True, console=QUIET),
    ):
        pass
    assert not setting.run.folder.with_name("other").exists()


def test_a_folder_that_holds_a_run_is_refused_before_a_study_is_prepared(config: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("data: {store: elsewhere}\n")
    overrides = [f"run={tmp_path / 'run'}", f"data.stores={tmp_path / 'stores'}"]
    with (
        pytest.raises(UsageError, match="holds a run already"),
        started(resolve(read_config(config, overrides)), name="tiny", resume=False, console=QUIET),
    ):
        pass
    assert not (tmp_path / "stores").exists()
