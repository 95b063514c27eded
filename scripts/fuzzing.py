"""Mutated inputs by the thousand, each tried in a process of its own under limits of memory and time.

A case is told by its number alone: `run_cases(…, seed=0)` tries cases 0, 1, 2 …, `only=17` that one again, in the same
process as its caller, so that a debugger can look at it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import select
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mmdx.errors import MmdxError

MEMORY = 2 * 2**30
"""What a case may take beyond what its process began with, in bytes."""
SECONDS = 60.0
LONGEST_LINE = 2010
KINDS = ("fine", "refused", "traceback", "silent", "memory", "time")
GOOD = KINDS[:2]
_NO_MEMORY = ("not enough memory", "allocate memory", "out of memory", "Cannot allocate", "MemoryError", "bad_alloc")

MakeCase = Callable[[random.Random, Path], str]
"""Writes a mutated input into an empty folder, and says what was mutated."""
TryCase = Callable[[Path], None]
"""Reads what lies there. Returns where it is read as it should be, raises `MmdxError` where it is refused, and
`Silent` where it is read as something else."""


class Silent(Exception):
    """Something was read as what it is not, and nothing said so."""


@dataclass(frozen=True)
class Outcome:
    """What became of one case; `line` is what was said of it."""

    number: int
    mutation: str
    kind: str
    line: str
    seconds: float
    mib: float


def run_cases(
    name: str, make_case: MakeCase, try_case: TryCase, count: int, seed: int = 0, *, only: int | None = None
) -> list[Outcome]:
    """The outcome of `count` cases under a seed; prints a line for each that went wrong, and then how many of each kind
    there are."""
    if only is not None:
        with TemporaryDirectory(prefix="fuzz-") as folder:
            print(make_case(_chance(name, seed, only), Path(folder)), flush=True)
            try_case(Path(folder))
        return []
    outcomes = []
    for number in range(count):
        outcomes.append(outcome := _outcome(name, make_case, try_case, number, seed))
        if outcome.kind not in GOOD:
            print(
                f"{name} --seed {seed} --only {number}: {outcome.kind}: {outcome.mutation}: {outcome.line}", flush=True
            )
    kinds = Counter(outcome.kind for outcome in outcomes)
    slowest, largest = (max((getattr(o, f) for o in outcomes), default=0.0) for f in ("seconds", "mib"))
    told = ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS)
    print(f"{name}: {count} cases of seed {seed}: {told}; at most {slowest:.1f} s and {largest:.0f} MiB")
    return outcomes


def _chance(name: str, seed: int, number: int) -> random.Random:
    return random.Random(f"{name} {seed} {number}")


def _outcome(name: str, make_case: MakeCase, try_case: TryCase, number: int, seed: int) -> Outcome:
    with TemporaryDirectory(prefix="fuzz-") as place:
        folder, said = Path(place, "case"), Path(place, "said")
        folder.mkdir()
        mutation = make_case(_chance(name, seed, number), folder)
        begin = time.perf_counter()
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _run(try_case, folder, said, writing)
        os.close(writing)
        kind, line, mib = _awaited(child, reading, said)
        return Outcome(number, mutation, kind, line, time.perf_counter() - begin, mib)


def _run(try_case: TryCase, folder: Path, said: Path, writing: int) -> None:
    """The life of the process of one case."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with said.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind, line = _judged(try_case, folder)
    mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10
    os.write(writing, json.dumps([kind, line, mib]).encode("utf-8", "surrogatepass"))
    os._exit(0)


def _judged(try_case: TryCase, folder: Path) -> tuple[str, str]:
    try:
        try_case(folder)
    except MmdxError as error:
        lines = [line[:LONGEST_LINE] for line in error.problems]
        if any(word in line for line in lines for word in _NO_MEMORY):
            return "memory", lines[0]
        if any(len(line.splitlines()) > 1 or len(line) >= LONGEST_LINE for line in lines):
            return "traceback", f"not one line: {lines[0]!r}"
        return "refused", lines[0] if lines else ""
    except Silent as error:
        return "silent", str(error)[:LONGEST_LINE]
    except MemoryError as error:
        return "memory", f"MemoryError: {error}"
    except BaseException as error:  # what a library throws need be no Exception
        place = traceback.extract_tb(error.__traceback__)[-1]
        return "traceback", f"{type(error).__name__}: {str(error)[:300]!r} at {place.filename}:{place.lineno}"
    return "fine", ""


def _awaited(child: int, reading: int, said: Path) -> tuple[str, str, float]:
    """What the process of a case answers, or how it ended."""
    answer = b""
    deadline = time.monotonic() + SECONDS
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        block = os.read(reading, 2**16)
        if not block:
            break
        answer += block
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answer:
        kind, line, mib = json.loads(answer)
        return kind, line, mib
    if status == -signal.SIGKILL:
        return "time", f"more than {SECONDS:.0f} s", 0.0
    tail = " ".join(said.read_text(errors="replace").split())[-300:]
    word = "memory" if any(word in tail for word in _NO_MEMORY) or "memory allocation" in tail else "traceback"
    return word, f"ended with {status}: {tail}", 0.0


def leave(outcomes: list[Outcome], path: Path) -> None:
    """Writes one JSON object per case."""
    path.write_text("".join(json.dumps(asdict(outcome)) + "\n" for outcome in outcomes), encoding="utf-8")
