"""The trainings of an ablation as processes of their own: side by side, claimed one by one, stopped together.

Who has the lock beside a run folder trains it. The training inherits the lock, so that it stays taken where the command
that started it was killed alone. Several commands, on one machine or on several that share a disk, each take the next
training that nobody has.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol, runtime_checkable

import joblib
import psutil
import torch

from mmdx.config_file import dump_config
from mmdx.data.store.lock import hold
from mmdx.engine.experiments.ablation.plan import Job
from mmdx.engine.processes import THREADS
from mmdx.files import write_text

State = Literal["waiting", "running", "done", "failed", "elsewhere"]
PAUSE = 0.2
FAILED = "failed"
MEMORY = 4 * 2**30
"""Free bytes that each training on a CPU is given where nobody says how many run at once."""
_PATIENCE = ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


@dataclass
class Standing:
    """How one training stands: since when it runs here, how many seconds it took here, who has it elsewhere."""

    state: State = "waiting"
    since: float | None = None
    seconds: float | None = None
    where: str = ""


Board = dict[str, Standing]
"""The standing of every job by its name."""


@runtime_checkable
class Watcher(Protocol):
    """Looks on while jobs are trained. `lines` are the end of the log of a job that failed."""

    def began(self, job: Job) -> None: ...

    def ended(self, job: Job, standing: Standing, lines: Sequence[str]) -> None: ...

    def look(self, board: Board) -> None: ...


@dataclass(frozen=True)
class Launch:
    """How trainings are started: `slots` at once, each with `threads` threads, and with one of `devices` (GPUs) where
    there are some."""

    slots: int
    threads: int
    devices: tuple[str, ...]
    launcher: tuple[str, ...]

    @classmethod
    def of_machine(cls, launcher: str, slots: int | None) -> Launch:
        """As many at once as make sense here: one per GPU, else one per core, as far as memory goes; a launcher has all
        GPUs to itself.

        `launcher` is a command line, empty for none; `slots` overrules how many run at once. Several on a CPU have one
        thread each: together they are done sooner than in turn with all cores.
        """
        cores = joblib.cpu_count()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        devices = tuple(visible.split(",") if visible else map(str, range(torch.cuda.device_count())))
        devices = devices if torch.cuda.is_available() and not launcher else ()
        room = max(1, min(cores, psutil.virtual_memory().available // MEMORY))
        at_once = slots or (1 if launcher else len(devices) or room)
        threads = max(1, cores // at_once) if devices or at_once == 1 else 1
        return cls(at_once, threads, devices, tuple(shlex.split(launcher)))

    def command(self, job: Job) -> list[str]:
        resume = ["--resume"] if job.begun else []
        return [*(self.launcher or (sys.executable,)), "-m", "mmdx.cli", "train", str(job.beside(".yaml")), *resume]

    def environment(self, slot: int) -> dict[str, str]:
        """Of the process in one slot. Those side by side are told their threads; one by itself times what it needs, or
        its launcher says it. A number of threads that the user set stays."""
        variables = ({THREADS: str(self.threads)} if self.slots > 1 else {}) | os.environ
        return variables | ({"CUDA_VISIBLE_DEVICES": self.devices[slot % len(self.devices)]} if self.devices else {})


@dataclass
class _Training:
    job: Job
    process: subprocess.Popen[bytes]
    lock: IO[str]
    slot: int


def run_jobs(jobs: Sequence[Job], launch: Launch, watcher: Watcher) -> Board:
    """Trains what is not trained, as long as there is something that nobody else has; returns how all of it stands.

    A training that fails is left at that: the others go on. On an interruption, or a signal to end, all trainings that
    run here are stopped, and can be gone on with.
    """
    board = {job.name: Standing() for job in jobs}
    before = {job.name: lock_text(job) for job in jobs}
    trainings: list[_Training] = []
    with _ended_by_signals():
        try:
            while True:
                trainings = [training for training in trainings if not _ended(training, board, watcher)]
                for job in jobs:
                    free = sorted(set(range(launch.slots)) - {training.slot for training in trainings})
                    if free and board[job.name].state in ("waiting", "elsewhere"):
                        taken = _take(job, free[0], launch, board[job.name], before[job.name])
                        if taken is not None:
                            trainings.append(taken)
                            watcher.began(job)
                watcher.look(board)
                if not trainings:
                    return board
                time.sleep(PAUSE)
        finally:
            _stop(trainings)


def lock_text(job: Job) -> str:
    """What the lock of a job says: who has it, or that it failed, and where."""
    try:
        return job.beside(".lock").read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return ""


def last_lines(path: Path, count: int = 5) -> list[str]:
    """The end of a log."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return [line for line in lines if line.strip()][-count:]


def _take(job: Job, slot: int, launch: Launch, standing: Standing, before: str) -> _Training | None:
    """The training of a job, started; None, and its standing, where it is done, failed, or in other hands."""
    lock = None if job.finished else hold(job.beside(".lock"))
    text = lock_text(job)
    if job.finished:
        standing.state = "done"
    elif lock is None:
        standing.state, standing.where = "elsewhere", text
    elif text.startswith(FAILED) and text != before:
        # Another command tried it while this one ran. One that failed before is tried again.
        standing.state, standing.where = "failed", text
    else:
        standing.state, standing.since = "running", time.monotonic()
        return _start(job, slot, launch, lock)
    if lock is not None:
        lock.close()
    return None


def _start(job: Job, slot: int, launch: Launch, lock: IO[str]) -> _Training:
    _write(lock, f"on {_here()}")
    write_text(job.beside(".yaml"), dump_config(job.config))
    command = launch.command(job)
    with job.beside(".log").open("ab") as log:
        log.write(f"$ {shlex.join(command)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=launch.environment(slot),
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    return _Training(job, process, lock, slot)


def _ended(training: _Training, board: Board, watcher: Watcher) -> bool:
    """Whether a training is over; then its standing and its lock say how."""
    code = training.process.poll()
    if code is None:
        return False
    standing, job = board[training.job.name], training.job
    standing.seconds = time.monotonic() - (standing.since or 0.0)
    standing.state = "done" if code == 0 and job.finished else "failed"
    _write(training.lock, "" if standing.state == "done" else f"{FAILED} on {_here()}")
    training.lock.close()
    watcher.ended(job, standing, last_lines(job.beside(".log")) if standing.state == "failed" else [])
    return True


def _write(lock: IO[str], text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def _here() -> str:
    return f"{socket.gethostname()}, process {os.getpid()}"


def _stop(trainings: Sequence[_Training]) -> None:
    """Asks all to end, then tells them, then ends them; their states on disk are whole whenever that is."""
    for number, patience in _PATIENCE:
        left = [training.process for training in trainings if training.process.poll() is None]
        for process in left:
            os.killpg(process.pid, number)
        until = time.monotonic() + patience
        while any(process.poll() is None for process in left) and time.monotonic() < until:
            time.sleep(0.05)
    for training in trainings:
        training.lock.close()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """What ends a command from outside, such as Slurm at its time limit, ends it as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
