"""The documentation becomes a site without a warning, and its reference holds what the code has."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmdx
from mmdx.engine.assembly.parts import parts as registered

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-d", str(out / "trees")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    built = subprocess.run(
        [*words, "-c", "docs/site", ".", str(out / "site")], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return out / "site"


def words_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "data_cards").glob("*.md"), ROOT / "README.md"]
    assert len(pages) > 40
    assert [p.name for p in pages if not (site / p.relative_to(ROOT)).with_suffix(".html").is_file()] == []


def test_the_reference_has_every_public_name_verb_part_and_field(site: Path) -> None:
    python = (site / "docs" / "reference" / "python.html").read_text(encoding="utf-8")
    registries = {name for name in mmdx.PUBLIC if name.isupper()}
    listed = {name for name in mmdx.PUBLIC if f'id="mmdx.{name}"' in python or f'id="module-mmdx.{name}"' in python}
    assert set(mmdx.PUBLIC) - listed - registries == {"Config"}
    verbs = words_of(site / "docs" / "reference" / "command_line.html")
    assert all(f"mmdx {verb}" in verbs for verb in ("inspect", "train", "predict", "demo", "list"))
    parts, _ = words_of(site / "docs" / "reference" / "parts.html"), registered(None)
    for registry in (mmdx.FUSIONS, mmdx.HEADS, mmdx.READERS):  # other tests register parts of their own
        own = [name for name in registry.names() if registry.get(name).__module__.startswith("mmdx.")]
        assert [name for name in own if name not in parts] == []
        assert len(own) > 2
    config = words_of(site / "docs" / "reference" / "config.html")
    assert all(field in config for field in ("checkpoint_steps", "train_patients", "pseudonym_key"))


def test_pages_that_are_named_are_links_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    readme = (site / "README.html").read_text(encoding="utf-8")
    assert re.search(r'href="docs/recipe.html"[^>]*><span[^>]*><code[^>]*><span class="pre">docs/recipe.md', readme)
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"', readme)
    assert loaded == []
