"""How a verb ends: its exit code, and lines in the place of a traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mmdx.errors import DataError, UsageError
from mmdx.terminal.ending import NEW_OBJECTS, run_verb


def ended(error: BaseException | None, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as stopped:
        run_verb(app, [])
    return stopped.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (None, 0, ""),
        (DataError(["one", "two"]), 1, "mmdx: one\nmmdx: two\n"),
        (UsageError("wrong"), 2, "mmdx: wrong\n"),
        (typer.Exit(3), 3, ""),
        (OSError(errno.EACCES, "Permission denied", "a.txt"), 1, "mmdx: a.txt: Permission denied\n"),
    ],
)
def test_what_a_user_can_fix_is_a_line_and_a_code(error, code: int, lines: str, capsys) -> None:
    assert ended(error, capsys) == (code, lines)


def test_a_bug_keeps_its_traceback() -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def verb() -> None:
        raise OSError("not the system's word")

    with pytest.raises(OSError, match="not the system's word"):
        run_verb(app, [])


WAITS = """
import multiprocessing, signal, sys, time
from pathlib import Path
from tempfile import TemporaryDirectory
import typer
from mmdx.files import written
from mmdx.terminal.ending import NEW_OBJECTS, run_verb

app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def verb(folder: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
    worker.start()
    with TemporaryDirectory(dir=folder) as temporary, written(folder / "file") as partial:
        partial.touch()
        print(worker.pid, flush=True)
        time.sleep(60)

run_verb(app, [sys.argv[1]])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_verb_that_is_ended_tidies_up(number: signal.Signals, tmp_path: Path) -> None:
    # The tests themselves may run where one of them is ignored, as under nohup.
    heard = f"import signal; signal.signal({int(number)}, signal.SIG_DFL)\n"
    command = [sys.executable, "-c", heard + WAITS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        worker = int(process.stdout.readline())
        assert len(list(tmp_path.iterdir())) == 2
        process.send_signal(number)
        assert process.wait() == 128 + number
        assert (
            process.stderr.read()
            == "mmdx: stopped; nothing finished is lost: use train --resume, or prepare or ablate again\n"
        )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_an_ignored_signal_stays_ignored() -> None:
    script = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); from mmdx.cli import main\n"
    script += "try: main(['--help'])\nexcept SystemExit: assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_lack_of_memory_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = ended(MemoryError("Unable to allocate 8.00 GiB"), capsys)
    assert (code, lines.count("\n")) == (1, 1)
    assert "not enough memory (Unable to allocate 8.00 GiB); free some" in lines


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_letters_that_a_terminal_does_not_know_are_written_out(encoding: str) -> None:
    code = (
        "import typer\nfrom mmdx.terminal.ending import NEW_OBJECTS, run_verb\napp = typer.Typer()\n"
        "@app.command()\ndef verb() -> None:\n    print('caf\\xe9 \\u80f8 \\udcff')\nrun_verb(app, [])"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    cafe = b"caf\\xe9" if encoding == "ascii" else b"caf\xe9"
    assert done.stdout == cafe + b" \\u80f8 \\udcff\n"


@pytest.mark.parametrize(("loaded", "frozen"), [("no_such_module", True), ("triton._C.libtriton", False)])
def test_the_garbage_collector_looks_seldom_and_not_at_the_very_end(loaded: str, frozen: bool) -> None:
    """But for the bindings of triton, which tell aloud of what was not collected."""
    code = (
        f"import atexit, gc, sys\nsys.modules[{loaded!r}] = sys\n"
        "atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 1000))\n"
        "from mmdx.cli import main\nmain(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == [f"{NEW_OBJECTS} {frozen}"]


@pytest.mark.parametrize(("utf8", "code"), [("0", 1), ("1", 0)])
def test_a_locale_without_the_letters_of_a_name_is_one_line(tmp_path: Path, utf8: str, code: int) -> None:
    script = (
        "import typer\nfrom pathlib import Path\nfrom mmdx.terminal.ending import run_verb\napp = typer.Typer()\n"
        "@app.command()\ndef verb() -> None:\n    Path('caf\\xe9').touch()\nrun_verb(app, [])"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == code
    said = "mmdx: file names are ascii here, which lacks letters; set PYTHONUTF8=1, run it again\n"
    assert done.stderr == (said if code else "")
