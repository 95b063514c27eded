"""Everything that prediction files show: the comparison, and a section for each question that a reviewer asks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmdx import __version__
from mmdx.files import RunLayout, write_json
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.ablation_folder import select, with_slices
from mmdx.stats.cohort.cohort import Unit, read_sources
from mmdx.stats.cohort.sources import Inputs, Source, find_sources, paths_and_names, paths_and_tables, read_verdicts
from mmdx.stats.cohort.unfinished import unfinished_of
from mmdx.stats.comparison.compare import Comparison, compare_cohort
from mmdx.stats.comparison.resampler import Count, Resampler
from mmdx.stats.report.contents import Contents, contents
from mmdx.stats.report.latex import latex
from mmdx.stats.report.markdown import markdown_file
from mmdx.stats.report.page import excerpt, page
from mmdx.stats.report.place import RECORD, TEXTS, account, earlier_figures, earlier_record, refuse_other
from mmdx.stats.report.plots import FORMATS, write_figures
from mmdx.stats.report.section import Section
from mmdx.stats.resampling.intervals import Kind
from mmdx.stats.sections.baselines import baselines_section
from mmdx.stats.sections.boxes.section import boxes_section
from mmdx.stats.sections.chances import chances_section
from mmdx.stats.sections.classes.section import groups_section
from mmdx.stats.sections.confusion import confusion_section
from mmdx.stats.sections.decisions.operating import check_prevalence
from mmdx.stats.sections.decisions.section import decisions_section
from mmdx.stats.sections.disagreements import Apart, apart_by_finding, disagreements_section
from mmdx.stats.sections.explanations.section import explanations_section
from mmdx.stats.sections.folds.section import folds_section
from mmdx.stats.sections.inputs.section import inputs_section
from mmdx.stats.sections.learning import learning_section
from mmdx.stats.sections.margin import check_margin, margin_section
from mmdx.stats.sections.missing.dependent_section import dependent_section
from mmdx.stats.sections.missing.section import missing_section
from mmdx.stats.sections.pairs.section import pairs_section
from mmdx.stats.sections.participants.characteristics import characteristics_section
from mmdx.stats.sections.participants.flow import flow_section
from mmdx.stats.sections.readers.section import readers_section
from mmdx.stats.sections.reliability.section import reliability_section
from mmdx.stats.sections.roc.section import roc_section
from mmdx.stats.sections.seeds import seeds_section
from mmdx.stats.sections.strata import strata_section
from mmdx.stats.sections.subgroups.section import subgroups_section
from mmdx.stats.sections.transport.section import transport_section
from mmdx.strangers.cells import cells_of

IN_ORDER = (
    flow_section,
    characteristics_section,
    transport_section,
    missing_section,
    dependent_section,
    inputs_section,
    explanations_section,
    strata_section,
    pairs_section,
    seeds_section,
    folds_section,
    roc_section,
    reliability_section,
    confusion_section,
    decisions_section,
    groups_section,
    boxes_section,
    subgroups_section,
    readers_section,
    disagreements_section,
)


@dataclass(frozen=True)
class Stated:
    """What whoever asks stated before looking.

    `primary` is the primary finding (None: the one that the configs of the runs name). `margin` is how much lower the
    primary metric of what the comparison leads with may be and still count as no worse (None: not asked). `intervals`
    is how they are made. `operating_point` says where scores become yes or no (None: as the configs of the runs say),
    `prevalence` which share of patients has a finding where the models are meant to be used (None: not asked).
    """

    primary: str | None = None
    margin: float | None = None
    intervals: Kind = "percentile"
    operating_point: OperatingPoint | None = None
    prevalence: float | None = None

    def check(self) -> None:
        """Raises `UsageError` for a margin or a prevalence that is none."""
        if self.margin is not None:
            check_margin(self.margin)
        if self.prevalence is not None:
            check_prevalence(self.prevalence)


NOTHING_STATED = Stated()
_BESIDE = ".compare-"
"""How the folder begins in which a comparison is written before it takes its place."""


@dataclass(frozen=True)
class Evidence:
    """A comparison and its sections, in the order in which they are read; `left_out` says what an ablation lacks.

    `reference` is the run folder of the first arm, where it has one, `runs` are those of all sources that have one.
    `apart` are studies on which models disagree, of which a picture is worth a look where their images are at hand.
    `sources` are what it was made from: paths, and names of tables.
    """

    comparison: Comparison
    sections: tuple[Section, ...] = ()
    left_out: tuple[str, ...] = ()
    reference: Path | None = None
    runs: tuple[Path, ...] = ()
    apart: tuple[Apart, ...] = ()
    sources: tuple[Path | str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Every number as plain values, NaN as None: the comparison, `sections` by key, `figures` that `save` writes
        beside it, `pictures` of studies among these, and the `versions` of what the numbers were made with."""
        written = contents(self.comparison, self.sections)
        return self.comparison.to_json() | {
            "sections": {section.key: section.record for section in self.sections},
            "figures": _figures(written),
            "pictures": [
                {"figure": picture.name, "study": picture.study, "finding": picture.finding, "caption": picture.caption}
                for picture in written.pictures
            ],
            "versions": versions(),
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Writes `compare.html`, `.md`, `.json`, `.tex`, and each plot as `figures/<name>.png`, `.pdf`, `.svg` and
        `.csv`, each picture of a study as `.png`: all of them or, where one fails, none.

        `compare.json` also has `sources` and `made_from`. It is written last: until then it holds these alone. Figures
        of an earlier comparison, named in its `compare.json`, go; other files in `figures` stay. Raises `UsageError`
        where one of other sources lies there, unless `overwrite` says that it may go.
        """
        folder = Path(folder)
        made = account(folder, self.sources, self.comparison.split)
        if not overwrite:
            refuse_other(folder, self.sources, self.comparison.split)
        written = contents(self.comparison, self.sections)
        figures = _figures(written)
        texts = {
            "compare.html": page(self.comparison, written),
            "compare.md": markdown_file(self.comparison, written),
            "compare.tex": latex([sheet for section in written.sections for sheet in section.sheets]),
            RECORD: json.dumps(self.to_json() | made, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
        }
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{_BESIDE}*"):  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(dir=folder, prefix=_BESIDE) as name:
            beside = Path(name)
            (beside / "figures").mkdir()
            for plot in written.plots:
                write_figures(plot, beside / "figures")
                cells_of(plot.numbers).to_csv(beside / "figures" / f"{plot.name}.csv", index=False)
            for picture in written.pictures:
                (beside / "figures" / f"{picture.name}.png").write_bytes(picture.png)
            for file, text in texts.items():
                (beside / file).write_text(text, encoding="utf-8")
            _clear(folder, made | {"split": self.comparison.split}, figures)
            for file in [*figures, *texts]:
                (beside / file).replace(folder / file)

    def _repr_html_(self) -> str:
        """What a notebook shows: what the comparison says, and its main tables."""
        return excerpt(self.comparison)


def versions() -> dict[str, str]:
    """The version of mmdx, and of what its numbers were made with."""
    return {"mmdx": __version__} | {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}


def gather(
    inputs: Inputs,
    *,
    split: str = "test",
    unit: Unit | None = None,
    resamples: int = 2000,
    seed: int = 0,
    stated: Stated = NOTHING_STATED,
    count: Count | None = None,
) -> Evidence:
    """Compares run folders, prediction files, tables, or all of an ablation folder, and makes every section.

    `unit` says what a row is (`read_cohort`). `count` is told how many resamples of which section are done. Raises as
    `compare` does, and `UsageError` for what `stated` may not be and a
    primary finding that was not scored.
    """
    stated.check()  # before any minute is spent
    selection = select(inputs)
    selection = with_slices(selection, split) if unit == "slice" and selection.configs else selection
    sources = find_sources(selection.inputs, split=split, unit=unit)
    configs, fullest = selection.configs, selection.fullest
    asked = {"primary": stated.primary, "operating_point": stated.operating_point}
    cohort = read_sources(sources, unit=unit, configs=configs, fullest=fullest, **asked)
    cohort = replace(cohort, prevalence=stated.prevalence)
    verdicts = read_verdicts(sources)
    resampler = Resampler.of(cohort, resamples=resamples, seed=seed)
    measured, split_of = resampler.telling("metrics", count), sources[0].split
    comparison = compare_cohort(cohort, measured, intervals=stated.intervals, split=split_of, audits=verdicts)
    # Asked from outside of a training alone: at its end, it compares before it has written its last file.
    standings = {source.name: unfinished_of(source.evaluation, source.folder) for source in sources}
    comparison = replace(comparison, unfinished={name: said for name, said in standings.items() if said is not None})
    sections = [baselines_section(comparison)]
    if stated.margin is not None:
        sections.append(margin_section(cohort, resampler, margin=stated.margin))
    for section in IN_ORDER:
        about = section.__name__.removesuffix("_section").replace("_", " ")
        sections.append(section(cohort, resampler.telling(about, count)))
    if selection.chances is not None:
        sections.append(chances_section(selection.chances))
    if selection.sizes:
        primary = cohort.primary_finding
        sections.append(
            learning_section(selection.sizes, resamples=resamples, seed=seed, split=split, unit=unit, primary=primary)
        )
    present = tuple(section for section in sections if section is not None)
    runs = tuple(source.folder for source in sources if source.folder is not None)
    apart, given = apart_by_finding(cohort), tuple(paths_and_names(inputs))
    return Evidence(comparison, present, selection.left_out, sources[0].folder, runs, apart, given)


def check_place(folder: Path, inputs: Inputs, *, split: str, overwrite: bool = False) -> None:
    """Raises `UsageError`, before any minute is spent, where `save` would: `folder` holds a comparison of others."""
    if overwrite:
        return
    first = paths_and_tables(inputs)[0]
    of_file = isinstance(first, Path) and not first.is_dir()
    refuse_other(folder, paths_and_names(inputs), Source(first, None, "").split if of_file else split)


def _figures(written: Contents) -> list[str]:
    """The files of all plots and pictures, as paths inside the folder of the comparison."""
    plots = [f"figures/{plot.name}.{kind}" for plot in written.plots for kind in (*FORMATS, "csv")]
    return plots + [f"figures/{picture.name}.png" for picture in written.pictures]


def _clear(folder: Path, made: Mapping[str, Any], figures: Sequence[str]) -> None:
    """Makes room for a comparison: an earlier one goes, and `compare.json` says from what the new one is made, so that
    nothing is taken for it before it is whole."""
    earlier, stale = earlier_record(folder) is not None, earlier_figures(folder)
    write_json(folder / RECORD, {**made, "figures": list(dict.fromkeys([*stale, *figures]))})
    checklists = [RunLayout(folder).reporting] if earlier and not RunLayout(folder).config.is_file() else []
    for path in [*(folder / name for name in (*TEXTS, *stale)), *checklists]:
        path.unlink(missing_ok=True)
    (folder / "figures").mkdir(exist_ok=True)
