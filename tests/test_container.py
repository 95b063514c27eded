"""The container file fits the project; what it makes is tried by hand (`docs/container.md`)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mmdx.cli import app

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
PAGE = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")


def arguments(instruction: str) -> list[list[str]]:
    return [line.split()[1:] for line in LINES if line.startswith(f"{instruction} ")]


def test_what_is_copied_is_there_and_let_through() -> None:
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    copied = [word for words in arguments("COPY") if not words[0].startswith("--") for word in words[:-1]]
    assert copied == ["pyproject.toml", "README.md", "LICENSE", "mmdx"]
    assert ignored[0] == "*"
    assert [word for word in copied if not (ROOT / word).exists() or f"!{word}" not in ignored] == []


def test_the_extras_that_it_installs_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (named,) = re.findall(r"'\.\[([a-z,]+)\]'", "\n".join(LINES))
    assert set(named.split(",")) <= set(extras)


def test_it_runs_as_a_user_without_rights() -> None:
    ((user,),) = arguments("USER")
    assert int(user.partition(":")[0]) > 1000
    assert arguments("ENTRYPOINT") == [['["mmdx"]']]


def test_every_verb_and_option_that_the_page_shows_exists() -> None:
    from typer.main import get_command

    verbs = dict(get_command(app).commands)  # type: ignore[attr-defined]
    shown = re.findall(r"mmdx (?:\\\n +)?(doctor|predict|serve|demo)\b([^\n`]*)", PAGE.partition("SAFE=")[2])
    assert {verb for verb, _ in shown} == {"doctor", "predict", "serve", "demo"}
    for verb, words in shown:
        options = {name for parameter in verbs[verb].params for name in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= options, verb
