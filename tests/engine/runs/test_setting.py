"""What a setting prints is what the line holds."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator
from cohorts import folder_cohort, prepared, quiet

from mmdx.config_file import parse_config
from mmdx.engine.runs.setting import Setting
from mmdx.files import RunLayout


def test_names_that_look_like_markup_are_printed_as_they_are(tmp_path: Path) -> None:
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    config = parse_config({"data": {"store": "s"}, "model": {"inputs": {"image": "timm"}}}, "test")
    console, text = quiet()
    setting = Setting(config, RunLayout(tmp_path), store, store.splits, Accelerator(cpu=True), console)
    setting.say("study [bold]s[/bold]", "2 images")
    assert text.getvalue() == "study [bold]s[/bold]\n2 images\n"
    assert setting.is_main
