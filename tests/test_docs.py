"""What the pages say of files and packages is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.(?:py|yaml|md|sh|j2|css))`")
ROOMS = ("", "mmdx/", "mmdx/data/", "mmdx/models/", "mmdx/stats/", "mmdx/engine/", "docs/")
"""Where a path that a page names may begin."""


def packages() -> dict[str, str]:
    """The first sentence of each package's docstring, by its place in `mmdx/`."""
    sentences = {}
    for init in sorted((ROOT / "mmdx").rglob("__init__.py")):
        place = init.parent.relative_to(ROOT / "mmdx").as_posix()
        docstring = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        sentences[place] = docstring.partition("\n")[0]
    return sentences


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not any((ROOT / room / path).exists() for room in ROOMS)] == []


def test_the_architecture_page_says_of_each_package_what_the_package_says() -> None:
    page = " ".join((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split())
    sentences = {place: sentence for place, sentence in packages().items() if place != "."}
    assert {place: sentence for place, sentence in sentences.items() if sentence not in page} == {}


def test_every_package_says_what_it_is_for() -> None:
    assert [place for place, sentence in packages().items() if len(sentence) < 20] == []
