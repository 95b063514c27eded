"""What is imported is declared: by mmdx as a dependency or in the extra of a part; by scripts and tests in `test`."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = PROJECT["dependencies"]
EXTRAS = PROJECT["optional-dependencies"]
PARTS = [requirement for name in EXTRAS if name not in ("test", "dev") for requirement in EXTRAS[name]]
"""What one part of mmdx needs, each under an extra of its own."""
TEST = DEPENDENCIES + PARTS + EXTRAS["test"]


def normal(requirement: str) -> str:
    return re.split(r"[<>=\[]", requirement)[0].lower().replace("_", "-")


def imported(folder: Path) -> Iterator[str]:
    """The top-level packages that the modules in a folder import, wherever the import stands."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    ("folder", "declared"),
    [("mmdx", DEPENDENCIES + PARTS), ("scripts", TEST), ("tests", TEST)],
    ids=["mmdx", "scripts", "tests"],
)
def test_what_is_imported_is_declared(folder: str, declared: list[str]) -> None:
    installed, names = packages_distributions(), set(map(normal, declared))
    # Own modules have no distribution; MONAI is what the benchmark measures against where it is installed.
    others = set(imported(ROOT / folder)) & installed.keys() - sys.stdlib_module_names - {"mmdx", "monai"}
    assert len(others) > 5
    assert {name for name in others if not names & set(map(normal, installed[name]))} == set()


def test_the_codec_of_jpeg_ls_is_declared() -> None:
    assert "pyjpegls" in map(normal, DEPENDENCIES)
