"""`card.md` of an evaluation on a second cohort: trained on one data set, scored on another."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import ModelCardData

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.reporting.model_card import CardInputs, demoted, eval_results
from mmdx.engine.reporting.participants import participants
from mmdx.engine.runs.record import read_environment
from mmdx.files import RunLayout
from mmdx.stats.cohort.origins import DataSet, Origin
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.markdown import markdown
from mmdx.stats.report.provenance import data_set
from mmdx.stats.report.words import counted
from mmdx.templates import environment


@dataclass(frozen=True)
class ExternalCard:
    """What the card is made of: the folder of the evaluation and that of the run, the model, the comparison and, where
    slices judged the epochs, theirs, both data sets, and what was said of how they were joined."""

    place: RunLayout
    run: RunLayout
    saved: SavedModel
    compared: tuple[Comparison, Comparison | None]
    trained: Origin
    second: DataSet
    lines: tuple[str, ...]


def external_card(card: ExternalCard) -> str:
    """What `card.md` holds; its front matter has the results under the second data set. Its figure is written beside
    it."""
    trained, saved = card.trained, card.saved
    inputs = CardInputs(card.place, saved.config, saved.facts, *card.compared)
    front = ModelCardData(library_name="mmdx", model_name=trained.run, eval_results=eval_results(inputs))
    known = trained.reader is not None
    studies = trained.studies is not None and trained.patients is not None
    results = [markdown(card.compared[0])]
    if card.compared[1] is not None:
        results += ["# Slices, each by itself", markdown(card.compared[1])]
    text = (
        environment("mmdx.engine.reporting")
        .get_template("external.md.j2")
        .render(
            front_matter=front.to_yaml(),
            name=trained.run,
            trained=data_set(DataSet(trained.reader, trained.source, trained.store))
            if known
            else "a data set not known",
            studies=f"{counted(trained.studies or 0, 'study')} of {counted(trained.patients or 0, 'patient')}"
            if studies
            else "",
            second=data_set(card.second),
            lines=card.lines,
            validation="scores out of fold" if card.run.folds.is_file() else "of the validation studies",
            participants=demoted(participants(card.place, card.compared[0])),
            findings=card.compared[0].findings,
            results="\n\n".join(map(demoted, results)),
            machine=read_environment(card.place),
        )
    )
    return text.rstrip() + "\n"
