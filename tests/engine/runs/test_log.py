"""The log of a run: it grows by lines, and a resumed run takes its last lines again."""

from __future__ import annotations

from pathlib import Path

from mmdx.engine.runs.log import append_log, drop_log_after


def test_a_line_per_entry(tmp_path: Path) -> None:
    append_log(tmp_path / "log.jsonl", {"step": 1, "loss": 0.5})
    append_log(tmp_path / "log.jsonl", {"step": 2, "loss": 0.25})
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n'


def test_lines_of_later_steps_go(tmp_path: Path) -> None:
    for entry in ({"step": 1}, {"step": 2}, {"step": 2, "epoch": 0}, {"step": 3}):
        append_log(tmp_path / "log.jsonl", entry)
    drop_log_after(tmp_path / "log.jsonl", 2)
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n{"step": 2, "epoch": 0}\n'


def test_a_run_without_a_log_gets_none(tmp_path: Path) -> None:
    drop_log_after(tmp_path / "log.jsonl", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_a_kill_left_torn_goes(tmp_path: Path) -> None:
    append_log(tmp_path / "log.jsonl", {"step": 1})
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 2, "lo')
    drop_log_after(tmp_path / "log.jsonl", 2)
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1}\n'


def test_an_epoch_that_will_be_done_again_goes_though_its_last_step_stays(tmp_path: Path) -> None:
    lines = [{"step": 1, "epoch": 1}, {"step": 1, "epoch": 1, "seconds": 2.0}]
    for line in lines:
        append_log(tmp_path / "log.jsonl", line)
    drop_log_after(tmp_path / "log.jsonl", 1, epoch=1)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
    drop_log_after(tmp_path / "log.jsonl", 1, epoch=0)
    assert (tmp_path / "log.jsonl").read_text() == '{"step": 1, "epoch": 1}\n'
