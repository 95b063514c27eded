"""All explanations of one source as one page, `explain.html`, beside the folders of their pictures: no script, no font,
no network.

It names slices by their numbers and places alone: a study's identifier, names of files and UIDs stand in
`explain.json`, for a page is what is shown to others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment

from mmdx.engine.inference import templates
from mmdx.engine.inference.answers import Standing
from mmdx.stats.report import templates as report
from mmdx.stats.report.words import counted
from mmdx.templates import environment, resource

MOST_WORDS = 10
"""Words of a text that are shown, those that counted most; all stand in `explain.json`."""


def explain_page(entries: Sequence[Mapping[str, Any]]) -> str:
    """The page of the studies of one `explain.json`, from its entries."""
    return (
        _environment()
        .get_template("explain.html.j2")
        .render(
            title="On what the answers stand",
            style=resource(report.__name__, "page.css"),
            ground=_ground(entries),
            studies=entries,
            standings=[_standing(entry) for entry in entries],
            most_words=MOST_WORDS,
        )
    )


def _standing(entry: Mapping[str, Any]) -> Standing:
    known = (dict(entry.get(name, {})) for name in ("thresholds", "prevalence", "apart"))
    return Standing(entry["scores_of"], entry["calibrated"], *known)


def _ground(entries: Sequence[Mapping[str, Any]]) -> str:
    """What is shown: `1 study, 6 findings, 18 pictures`."""
    findings = dict.fromkeys(finding for entry in entries for finding in entry["findings"])
    pictures = sum(len(found["slices"]) for entry in entries for found in entry["findings"].values())
    parts = [(len(entries), "study"), (len(findings), "finding"), (pictures, "picture")]
    return ", ".join(counted(number, noun) for number, noun in parts)


@cache
def _environment() -> Environment:
    return environment(templates.__name__)
