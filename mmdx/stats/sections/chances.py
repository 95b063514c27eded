"""Equal chances: whether every variant of an ablation tried as many settings, and which of them validation chose."""

from __future__ import annotations

from mmdx.stats.cohort.chances import Chances, TriedVariant
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import listed, number

NAMES = {"lr_factor": "learning rate", "weight_decay": "weight decay", "dropout": "dropout"}


def chances_section(chances: Chances) -> Section:
    """What is said of the settings of an ablation: that all had the same number of tries, or that none had any."""
    if not chances.settings or chances.variants is None:
        sentence = (
            f"All variants have the settings of {chances.config}, which may suit some of them better than others: they "
            "were chosen for no variant here. mmdx ablate --tune 6 gives each the same number of tries."
        )
        return Section("chances", "Settings", (sentence,), record={"tries": 0})
    count, variants = len(chances.settings), chances.variants
    own = [name for name, tried in variants.items() if tried.chosen == 1]
    kept = f"; those of {chances.config} itself stayed for {listed(own)}" if own else ""
    sentence = f"Every variant had the same {count} settings to try, chosen by validation and never by test{kept}."
    by = {METRICS[tried.by].title if tried.by in METRICS else tried.by for tried in variants.values()}
    header = ("settings", *variants)
    rows = [
        (_named(number_of, chances), *(_cell(tried, number_of) for tried in variants.values()))
        for number_of in range(1, count + 1)
    ]
    notes = (
        "Each try is one training with the first seed; the chosen one is marked and is the training of that seed. The "
        "other seeds have its settings. By the AUROC the highest is chosen, by the log loss the lowest (few validation "
        "studies; docs/recipe.md). A chosen score is too kind, being the best of several: it is no result.",
    )
    record = {
        "tries": count,
        "settings": [dict(settings) for settings in chances.settings],
        "variants": {
            name: {"by": tried.by, "scores": list(tried.scores), "chosen": tried.chosen}
            for name, tried in variants.items()
        },
    }
    sheet = Sheet(f"{listed(sorted(by))} of validation by settings", header, tuple(rows))
    return Section("chances", "Settings", (sentence,), (sheet,), notes=notes, record=record)


def _named(number_of: int, chances: Chances) -> str:
    """`lr x 3, weight decay 0.1, dropout 0.5`; the config's own where it changes nothing."""
    changed = {key: value for key, value in chances.settings[number_of - 1].items() if value is not None}
    if not changed or changed == {"lr_factor": 1.0}:
        return f"{number_of}: those of {chances.config}"
    parts = [f"{NAMES.get(key, key)} {'× ' if key == 'lr_factor' else ''}{value:g}" for key, value in changed.items()]
    return f"{number_of}: {', '.join(parts)}"


def _cell(tried: TriedVariant, number_of: int) -> str:
    score = tried.scores[number_of - 1]
    text = "undefined" if score is None else number(score)
    return f"{text} (chosen)" if tried.chosen == number_of else text
