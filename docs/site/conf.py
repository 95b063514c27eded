"""The documentation as a site, by Sphinx: the pages of `docs/`, the cards, and a reference from the docstrings.

pip install -e '.[docs]' && make docs
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import mmdx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
project, author, version = "mmdx", "the authors of mmdx", mmdx.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "data_cards/*.md", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
html_theme, html_title = "furo", f"mmdx {version}"
myst_heading_anchors = 4
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
PAGE = re.compile(r"(?<![\[`])`((?:[\w-]+/)*[\w-]+\.md)`(?![\]`])")
"""A page that another one names without a link, such as `docs/recipe.md`."""


def link_pages(app: object, name: str, content: list[str]) -> None:
    """Pages that are named become links to them."""
    here = (ROOT / name).parent

    def link(match: re.Match[str]) -> str:
        target = ROOT / match[1]
        if not target.is_file() or here / Path(name).name == target.with_suffix(""):
            return match[0]
        return f"[{match[0]}](/{match[1]})"

    content[0] = PAGE.sub(link, content[0])


def add_reference(app: object, name: str, content: list[str]) -> None:
    """Pages of the reference get what the code says."""
    from reference import PAGES

    if name in PAGES:
        content[0] = f"{content[0]}\n{PAGES[name]()}"


def setup(app: object) -> None:
    app.connect("source-read", link_pages)
    app.connect("source-read", add_reference)
