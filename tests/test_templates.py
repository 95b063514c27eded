"""Escaping, and the files that a wheel must hold."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import mmdx
from mmdx.templates import code_span, environment, markdown_text, resource

ROOT = Path(mmdx.__file__).parent
PATTERNS = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["mmdx"]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b*c", r"a\_b\*c"),
        ("a|b", r"a\|b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("two\n\n  lines", "two lines"),
        ("# `code`", r"\# \`code\`"),
        (3, "3"),
    ],
)
def test_markdown_shows_a_text_letter_by_letter(text, escaped):
    assert markdown_text(text) == escaped


@pytest.mark.parametrize(("text", "span"), [("a_b", "`a_b`"), ("a`b", "`` a`b ``"), ("a|b", "`a\\|b`")])
def test_a_code_span_ends_where_it_should(text, span):
    assert code_span(text) == span


def test_html_is_escaped_and_a_variable_that_is_not_there_refused():
    templates = environment("mmdx.stats.report.templates")
    assert templates.from_string("{{ x | md }}").render(x="<b>") == r"\<b\>"
    with pytest.raises(UndefinedError):
        templates.from_string("{{ y }}").render()


def test_every_file_that_is_no_module_is_package_data():
    data = {path for path in ROOT.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {path for pattern in PATTERNS for path in ROOT.glob(pattern)} == data
    assert any(path.suffix == ".j2" for path in data)
    for path in data:
        package = ".".join(("mmdx", *path.parent.relative_to(ROOT).parts))
        assert files(package).joinpath(path.name).is_file()
        assert resource(package, path.name) == path.read_text(encoding="utf-8")
