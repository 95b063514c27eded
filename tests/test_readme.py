"""The commands that README shows are run, the long ones on a smaller cohort."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny import write_cohort

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PHANTOM, SHORT = "data.reader.patients=40", "train.epochs=1 train.final=best"
SMALLER = {
    "accelerate launch train.py": f"{PHANTOM} {SHORT}",
    "mmdx train configs/slice_lstm.yaml": f"{PHANTOM} first.folds=2 first.train.epochs=1 {SHORT}",
    "mmdx train configs/phantom.yaml data.folds": f"{PHANTOM} data.folds.count=2 {SHORT}",
    "mmdx ablate configs/phantom.yaml": f"{PHANTOM} {SHORT} --fusion concat --seeds 1",
    "mmdx train configs/folder.yaml": f"data.size=32 {SHORT} model.inputs.image.encoder.name=test_resnet",
}
"""What is added to a command so that the test is short."""


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_two_commands_do_all_the_set_up():
    assert "pip install -e . && accelerate launch train.py" in commands()
    assert "pip install -e '.[test]' && pytest" in commands()


def test_every_extra_that_readme_installs_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for named in re.findall(r"\.\[([a-z,]+)\]", README):
        assert set(named.split(",")) <= set(extras)


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What a user has after `git clone`, and a folder of their own studies."""
    home = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "configs", home / "configs")
    shutil.copy(ROOT / "train.py", home)
    write_cohort(home / "my_studies")
    patient = home / "new_patient"
    patient.mkdir()
    shutil.copy(home / "my_studies" / "01_0.png", patient / "1.png")
    (home / "report.txt").write_text("headache since this morning")
    return home


def test_what_readme_prepares_is_what_it_trains_on():
    """The sequence of the section on a user's own studies asks for one store throughout."""
    prepared = next(line for line in commands() if line.startswith("mmdx prepare folder my_studies"))
    trained = next(line for line in commands() if line.startswith("mmdx train configs/folder.yaml"))
    assert "size=32" in prepared.split()
    assert {"data.store=stores/mine", "data.size=32"} <= set(trained.split())
    evaluated = next(line for line in commands() if "--out image_only" in line)
    assert commands()[commands().index(evaluated) + 1].startswith("mmdx compare runs/phantom-1 image_only")


@pytest.fixture
def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def mmdx(clone: Path, environment: dict[str, str]) -> Iterator[Callable[[list[str]], tuple[int, str]]]:
    """Runs `mmdx` with these words in the clone, in a process of its own that has imported everything before; returns
    the exit code and what it printed."""
    words = [sys.executable, str(ROOT / "tests" / "forked.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, cwd=clone, env=environment, **pipes) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        output = clone.with_name("output.txt")

        def run(words: list[str]) -> tuple[int, str]:
            server.stdin.write(json.dumps([words, str(output)]) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
            return code, output.read_text(encoding="utf-8")

        yield run
        server.stdin.close()


def test_readme_commands_run_in_their_order(clone, environment, mmdx):
    ran = []
    for line in commands():
        command = line.split(" && ")[-1]
        if command.startswith(("pip", "pytest", "git", "cd", "make", "torchrun")):
            continue
        added = next((text for start, text in SMALLER.items() if command.startswith(start)), "")
        words = [*shlex.split(command), *shlex.split(added)]
        if words[0] == "mmdx" and ran:  # the first one as a user has it
            code, printed = mmdx(words[1:])
        else:
            done = subprocess.run(words, cwd=clone, env=environment, text=True, capture_output=True)
            code, printed = done.returncode, f"{done.stdout}{done.stderr}"
        assert code == 0, f"{command}\n{printed}"
        ran.append(words[1] if words[0] == "mmdx" else words[0])
    verbs = {"inspect", "prepare", "check", "train", "evaluate", "compare", "ablate", "predict", "explain", "extract"}
    assert {"accelerate", "list", "ensemble", *verbs} <= set(ran)
