"""Who was studied, for the card of a run: the flow of studies as a figure beside it, and table 1."""

from __future__ import annotations

from mmdx.files import RunLayout
from mmdx.stats.cohort.enrolled import enrolled_of
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.markdown import markdown_table
from mmdx.stats.report.plots import write_figures
from mmdx.stats.sections.participants import characteristics, flow
from mmdx.strangers.cells import cells_of
from mmdx.templates import markdown_text

FIGURES = "figures"


def participants(run: RunLayout, comparison: Comparison) -> str:
    """The flow of studies and table 1 in Markdown, and `figures/flow.svg` and `.csv` in the run folder that it links;
    empty where the run does not say whom it stands on."""
    enrolled = enrolled_of(comparison.arms)
    if enrolled is None:
        return ""
    finding, drawn = comparison.primary_finding, {"resamples": comparison.resamples, "seed": comparison.seed}
    sections = (flow.section_of(enrolled, finding), characteristics.section_of(enrolled, finding, **drawn))
    folder = run.folder / FIGURES
    folder.mkdir(exist_ok=True)
    parts = []
    for section in sections:
        parts += [f"# {section.title}", *map(markdown_text, section.sentences)]
        for plot in section.plots:
            write_figures(plot, folder, ("svg",))
            cells_of(plot.numbers).to_csv(folder / f"{plot.name}.csv", index=False)
            parts.append(f"![{markdown_text(plot.title)}]({FIGURES}/{plot.name}.svg)")
        parts += [markdown_table(sheet) for sheet in section.sheets if not section.plots]
        parts.append("\n".join(f"- {markdown_text(note)}" for note in section.notes))
    return "\n\n".join(parts)
