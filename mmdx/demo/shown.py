"""An answer as the page shows it: HTML of templates, every word in it escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment

from mmdx.data.text.tokenizer import UNKNOWN_WORD
from mmdx.demo import templates
from mmdx.demo.answer import Answer, StudyAnswer
from mmdx.demo.findings import changes, rows_of
from mmdx.demo.slices import Slices
from mmdx.engine.inference.explaining.inferno import INFERNO
from mmdx.engine.inference.prediction import Prediction
from mmdx.engine.inference.source import folder_of
from mmdx.errors import MmdxError
from mmdx.templates import environment

MOST_LESIONS = 5
"""Lesions that are listed, the likeliest; the JSON has all."""
MOST_WORDS = 5
"""Words that counted most, named below the text."""


def answer_html(answer: Answer, token: str) -> str:
    """An answer, whose pictures and files are found under its `token`."""
    studies = [_study(study, f"/answers/{token}/{study.number}") for study in answer.studies]
    return _render("answer.html.j2", base=f"/answers/{token}", studies=studies, refused=answer.refused, heat=_scale())


def problems_html(error: MmdxError) -> str:
    """The lines of an error, as the command line prints them."""
    return _render("problems.html.j2", problems=error.problems)


def drop_html(token: str, said: str = "") -> str:
    """Where files are dropped or chosen; they go to the visit with this `token`. `said` stands where their number
    will."""
    return _render("drop.html.j2", token=token, said=said)


def _study(study: StudyAnswer, base: str) -> dict[str, Any]:
    """What the template is given of one study."""
    text = " and ".join(name for name in _texts(study)) or "report"
    rows = rows_of(study.with_text, study.without_text)
    return {
        "name": folder_of(study.number),
        "text": text,
        "with_text": study.with_text,
        "without_text": study.without_text,
        "rows": rows,
        "thresholds": any(prediction.thresholds for prediction in study.predictions),
        "changes": changes(rows, text),
        "notes": _notes(study),
        "lesions": study.main.lesions[:MOST_LESIONS],
        "more_lesions": len(study.main.lesions[MOST_LESIONS:]),
        "views": [_view(study, name, base) for name in study.slices],
        "words": {name: _shaded(words) for name, words in study.words.items()},
        "counted": {name: _counted(words) for name, words in study.words.items()},
        "handed": study.handed,
        "unexplained": study.unexplained,
    }


def _texts(study: StudyAnswer) -> list[str]:
    """The texts that one answer has, and the other lacks."""
    if study.with_text is None or study.without_text is None:
        return []
    return [name for name in study.without_text.missing if name not in study.with_text.missing]


def _notes(study: StudyAnswer) -> list[tuple[bool, str]]:
    """Sentences on both answers, each once, with whether it is a warning."""
    notes: dict[str, bool] = {}
    several = len(study.predictions) > 1
    for prediction in study.predictions:
        warnings = prediction.standing.warnings
        where = f"{_shown(prediction)}: " if several else ""
        for line in prediction.standing.meaning:
            alike = all(line in one.standing.meaning for one in study.predictions)
            notes[line if alike else f"{where}{line}"] = line in warnings
        if prediction is study.main:
            notes |= dict.fromkeys(_of_main(prediction), False)
    return [(warning, line) for line, warning in notes.items()]


def _of_main(prediction: Prediction) -> list[str]:
    lines = [prediction.fallback] if prediction.missing else []
    if prediction.members > 1:
        lines.append(f"{prediction.members} models answer together; ± is the standard deviation between them")
    if prediction.description is not None:
        lines.append(f"description, from {'+'.join(prediction.described_from)}: {prediction.description}")
    if prediction.reports_without:
        lines.append(f"reports are read without {prediction.reports_without}")
    return lines + [f"problem: {problem}" for problem in prediction.problems]


def _shown(prediction: Prediction) -> str:
    return f"answered from {prediction.shown}"


def _view(study: StudyAnswer, name: str, base: str) -> dict[str, Any]:
    """The slices of one input, as the script of the page scrolls them."""
    slices, likeliest = study.slices[name], study.likeliest.get(name, {})
    scores = study.main.findings or {f: study.main.likeliest(f)[1] for f in study.main.slices}
    first = max(likeliest, key=lambda finding: scores.get(finding, 0.0), default="")
    start = likeliest[first][0][0] if first else len(slices.places) // 2
    return {
        "name": name,
        "id": f"study-{study.number}-{name}",
        "base": f"{base}/{name}",
        "count": len(slices.places),
        "start": start,
        "first": first,
        "windows": {
            window: f"{window} (centre {centre:g}, width {width:g} HU)"
            for window, (centre, width) in slices.windows.items()
        },
        "range": slices.range,
        "findings": list(likeliest),
        "boxes": bool(slices.boxes),
        "place": slices.places[start].in_words(),
        "facts": json.dumps(_facts(slices, likeliest)),
        "weights": _bars(study, name),
        "order": " ".join(study.orders[name]),
    }


def _facts(slices: Slices, likeliest: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """What the script is told: where each slice lies, the likeliest slices of each finding, the boxes of each slice."""
    boxes = {index: [[box.finding, round(box.score, 2)] for box in found] for index, found in slices.boxes.items()}
    return {"places": [place.in_words() for place in slices.places], "likeliest": likeliest, "boxes": boxes}


def _bars(study: StudyAnswer, name: str) -> list[float]:
    """How much each slice counted, as shares of the one that counted most; none where nothing weighs them."""
    weights = study.slice_weights.get(name, ())
    largest = max((weight for _, weight in weights), default=0.0)
    return [weight / largest for _, weight in sorted(weights)] if largest > 0 else []


def _shaded(words: Any) -> list[tuple[str, float, float]]:
    """Each word, its share, and how dark it is shaded: its share of the largest."""
    largest = max((weight for _, weight in words), default=0.0)
    return [(_word(word), weight, weight / largest if largest else 0.0) for word, weight in words]


def _counted(words: Any) -> list[tuple[str, float]]:
    ranked = sorted(words, key=lambda pair: -pair[1])[:MOST_WORDS]
    return [(_word(word), weight) for word, weight in ranked]


def _word(word: str) -> str:
    return "(unknown word)" if word == UNKNOWN_WORD else word


def _scale() -> str:
    """The colours of heat, as a gradient of CSS."""
    colours = [INFERNO[level] for level in range(0, 256, 15)]
    return ", ".join(f"rgb({red} {green} {blue})" for red, green, blue in colours)


def _render(name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    return environment(templates.__name__)
