"""An ablation as it goes on: one live table in a terminal, a line at each start and end elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mmdx.engine.experiments.ablation.plan import Job
from mmdx.engine.experiments.ablation.processes import Board, Standing, State
from mmdx.stats.cohort.ablation_folder import GUIDED_OWN

ORDER: tuple[State, ...] = ("failed", "running", "elsewhere", "waiting", "done")
"""Which rows stay where a terminal has no room for all."""
_STYLES: dict[State, str] = {"failed": "red", "running": "bold", "elsewhere": "cyan", "waiting": "dim", "done": "green"}


class TrainingLog:
    """What the newest log of a run folder says: its epoch, the best validation AUROC, and the part that it is of."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path, self._read = folder, folder, 0
        self.epoch, self.best = 0, float("nan")

    def read(self) -> None:
        """What was written since the last time; a log that was cut, or a newer one, is read from its beginning."""
        logs = {path: path.stat() for path in self._folder.rglob("log.jsonl")}
        if not logs:
            return
        newest = max(logs, key=lambda path: logs[path].st_mtime_ns)
        if newest != self._path or logs[newest].st_size < self._read:
            self._path, self._read, self.epoch, self.best = newest, 0, 0, float("nan")
        with newest.open("rb") as file:
            file.seek(self._read)
            lines = file.read().rpartition(b"\n")[0]
        self._read += len(lines) + (1 if lines else 0)
        for line in lines.splitlines():
            entry = json.loads(line)
            self.epoch = entry.get("epoch", self.epoch)
            score = entry.get("val_auroc", float("nan"))
            self.best = score if not self.best >= score and score == score else self.best

    @property
    def part(self) -> str:
        """Of what in the run folder the log is, such as `fold-1`; empty for the run itself."""
        if self._path.parent == self._folder or self._path == self._folder:
            return ""
        return self._path.parent.relative_to(self._folder).as_posix()

    def epochs(self, job: Job) -> int:
        """How many epochs this part has at most."""
        if job.config.first is not None and "first" in self.part.split("/"):
            return job.config.first.train.epochs
        guided = job.config.guidance is not None and self.part in ("guidance", GUIDED_OWN)
        return job.config.guidance.epochs if guided and job.config.guidance else job.config.train.epochs


class View:
    """One view over all jobs of an ablation; to be entered before the first begins."""

    def __init__(self, jobs: Sequence[Job], console: Console, *, slots: int) -> None:
        self._jobs, self._console, self._slots = jobs, console, slots
        self._logs = {job.name: TrainingLog(job.folder) for job in jobs}
        self._board: Board = {job.name: Standing() for job in jobs}
        self._seen = 0.0
        self._live = (
            Live(console=console, get_renderable=self.table, refresh_per_second=2) if console.is_terminal else None
        )

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is None:
            self._say(self.total())
            return
        self._seen = 0.0
        self._live.stop()

    def began(self, job: Job) -> None:
        if self._live is None:
            self._say(f"begins: {job.name}{' (goes on)' if job.begun else ''}")

    def ended(self, job: Job, standing: Standing, lines: Sequence[str]) -> None:
        if self._live is None or lines:
            self._say(f"{standing.state}: {job.name}, {clock(standing.seconds)}")
        for line in lines:
            self._say(f"  {line}")
        if lines:
            self._say(f"  all of it: {job.beside('.log')}")

    def look(self, board: Board) -> None:
        self._board = board

    def table(self) -> Group:
        """Every job in a row, as many as the terminal has room for, and a line that counts them."""
        # Logs are read once a second, the table is drawn twice.
        if time.monotonic() - self._seen >= 1:
            self._seen = time.monotonic()
            for job in self._jobs:
                if self._board[job.name].state in ("running", "done"):
                    self._logs[job.name].read()
        grid = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for name in ("variant", "seed", "patients", "state", "epoch", "val AUROC", "time"):
            left = name in ("variant", "state", "epoch")
            grid.add_column(name, justify="left" if left else "right", no_wrap=name != "variant", overflow="fold")
        shown = self._shown(max(4, self._console.height - 6))
        for job in shown:
            grid.add_row(*self._row(job))
        hidden = len(self._jobs) - len(shown)
        more = [Text(f"… and {hidden} more", style="dim")] if hidden else []
        return Group(grid, *more, Text(self.total()))

    def total(self) -> str:
        """How many are done, and roughly how long the rest will take, once one was trained here."""
        standings = list(self._board.values())
        counts = {state: sum(standing.state == state for standing in standings) for state in ORDER}
        parts = [f"{counts['done']} of {len(standings)} done"]
        parts += [f"{counts[state]} {state}" for state in ORDER[:-1] if counts[state]]
        took = [job.seconds for job in standings if job.state == "done" and job.seconds is not None]
        left = counts["running"] + counts["waiting"]
        if took and left:
            ran = sum(time.monotonic() - job.since for job in standings if job.state == "running" and job.since)
            mean = sum(took) / len(took)
            parts.append(f"about {clock(max(mean * left - ran, 0.0) / min(self._slots, left))} left")
        return ", ".join(parts)

    def _shown(self, room: int) -> list[Job]:
        ranked = sorted(self._jobs, key=lambda job: ORDER.index(self._board[job.name].state))
        first = {job.name for job in ranked[:room]}
        return [job for job in self._jobs if job.name in first]

    def _row(self, job: Job) -> list[Text]:
        standing, log = self._board[job.name], self._logs[job.name]
        epoch = auroc = ""
        if log.epoch and standing.state in ("running", "done"):
            epoch = f"{log.part} {log.epoch}/{log.epochs(job)}".strip()
            auroc = f"{log.best:.3f}" if log.best == log.best else ""
        since = time.monotonic() - standing.since if standing.state == "running" and standing.since else None
        size = str(job.size) if job.size else "all"
        took = clock(standing.seconds if standing.seconds is not None else since)
        state = Text(standing.state, style=_STYLES[standing.state])
        return [Text(job.variant), Text(str(job.seed)), Text(size), state, Text(epoch), Text(auroc), Text(took)]

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def clock(seconds: float | None) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`; nothing for None."""
    if seconds is None:
        return ""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    return f"{total // 60} min {total % 60} s" if total < 3600 else f"{total // 3600} h {total % 3600 // 60} min"
