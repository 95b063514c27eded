"""Tests lie as modules lie: `tests/data/order/test_geometry.py` for `mmdx/data/order/geometry.py`."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

TESTS = Path(__file__).parent
MODULES = TESTS.parent / "mmdx"
THROUGH = {
    "data/phantom/head": "data/phantom/test_render",
    "data/phantom/lesions": "data/phantom/test_render",
    "data/readers/_huggingface": "data/readers/test_huggingface",
    "engine/experiments/found": "engine/experiments/test_check",
    "engine/experiments/opening": "engine/experiments/test_run_slices_alone",
    "engine/inference/raw": "engine/inference/test_study_two_texts",
    "stats/report/section": "stats/report/test_plots",
    "terminal/ablation": "engine/experiments/ablation/test_ablate",
}
"""Modules without a test of their name, and the test that goes through each."""


def modules() -> dict[str, str]:
    """The text of every module, by its place without `.py`: `data/order/geometry`."""
    return {
        path.relative_to(MODULES).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in MODULES.rglob("*.py")
        if not path.name.startswith("__")
    }


def files() -> set[str]:
    return {path.relative_to(TESTS).with_suffix("").as_posix() for path in TESTS.rglob("test_*.py")}


def subject_of(test: str, places: Collection[str]) -> str | None:
    """The module that a test is named after, `test_MODULE` or `test_MODULE_TOPIC`, in the same folder; else None."""
    folder, _, name = test.rpartition("/")
    subject = name.removeprefix("test_")
    names = [place.rpartition("/")[2] for place in places if place.rpartition("/")[0] == folder]
    fits = [name for name in names if subject == name or subject.startswith(f"{name}_")]
    return "/".join(filter(None, [folder, max(fits, key=len)])) if fits else None


def has_code(text: str) -> bool:
    """Whether a module defines anything that runs; one of constants alone needs no test."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.parse(text).body)


def test_every_test_below_a_room_is_named_after_a_module() -> None:
    places = modules()
    assert {test for test in files() if "/" in test and subject_of(test, places) is None} == set()


def test_every_module_has_a_test_of_its_name() -> None:
    places = modules()
    subjects = {subject_of(test, places) for test in files()}
    without = {place for place, text in places.items() if place not in subjects and has_code(text)}
    assert without == set(THROUGH)
    assert set(THROUGH.values()) <= files()


def test_the_longest_name_is_the_one_that_is_meant() -> None:
    places = ("data/text/words", "data/text/words_long", "data/image")
    assert subject_of("data/text/test_words_long", places) == "data/text/words_long"
    assert subject_of("data/text/test_words_short", places) == "data/text/words"
    assert subject_of("data/test_words", places) is None
