"""`mmdx prepare` on several processes: the work is shared, and what is refused is one line per process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mmdx.data.store.store import Store

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "mmdx.cli", "prepare"]


def prepared(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *TORCHRUN, *arguments], text=True, capture_output=True, env=os.environ)


def test_a_reader_that_writes_its_source_is_read_by_the_main_process_first(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = prepared("phantom", str(tmp_path / "raw"), str(out), "patients=12", "matrix=64", "size=16")
    assert done.returncode == 0, done.stderr
    store = Store(out)
    lines = [line for line in done.stderr.splitlines() if str(out) in line]
    assert lines == [f"{out}: {len(store)} studies ({_counts(store)}), 0 quarantined"]
    assert len(set(store.patient_ids)) == 12


def test_what_the_main_process_refuses_leaves_nobody_waiting(tmp_path: Path) -> None:
    done = prepared("folder", str(tmp_path / "none"), str(tmp_path / "out"))
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("mmdx: ")]
    assert set(said) == {f"mmdx: {tmp_path / 'none'}: no such folder; correct the path"}


def _counts(store: Store) -> str:
    return ", ".join(f"{name} {count}" for name, count in store.description["splits"].items())
