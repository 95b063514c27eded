"""Doubtful labels as a page with small pictures, for a reader to look at, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from mmdx.engine.reporting.comparison import Slices, shown_store, slice_picture
from mmdx.errors import UsageError
from mmdx.files import SLICE
from mmdx.stats.doubtful import Count, DoubtfulLabels
from mmdx.stats.report.page import sections_page
from mmdx.stats.report.section import Picture, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, number, plural
from mmdx.strangers.cells import cells_of

TABLE, PAGE = "doubtful.csv", "doubtful.html"
MOST_PICTURES = 60
"""Pictures of a page, whatever is asked for: each lies in it."""
NOTES = (
    "Confident learning (Northcutt et al. 2021): a label is marked where the score of the other class reaches the mean "
    "score that this class has among rows labelled with it. The list is ordered by how little the label is believed.",
    "Scores are calibrated on these very labels. A weak model doubts right labels, too: next to the number that count "
    "as wrong stands how many would where every label is right and the scores mean what they say.",
    "Nothing is changed. Look at each study without its score, and correct what is wrong at its source. Labels that "
    "are corrected because a model doubts them make the scores of that model look better: report both.",
)


@dataclass(frozen=True)
class Written:
    """The files that were written."""

    table: Path
    page: Path
    pictures: int


def write_doubtful(found: DoubtfulLabels, out: Path) -> Written:
    """Writes `doubtful.csv` and `doubtful.html` into a folder, both or neither; pictures are in the page, of the first
    `top` rows of each level. Raises `UsageError` where the folder is a file."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file; give a folder")
    sections, pictures = _sections(found)
    title = f"Doubtful labels of {found.run.resolve().name}"
    text = sections_page(title, [found.how, f"Scores: {found.shown}."], sections)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".doubtful-") as made:
        cells_of(found.frame()).to_csv(Path(made) / TABLE, index=False, lineterminator="\n")
        (Path(made) / PAGE).write_text(text, encoding="utf-8")
        for name in (TABLE, PAGE):
            (Path(made) / name).replace(out / name)
    return Written(out / TABLE, out / PAGE, pictures)


def sentences(found: DoubtfulLabels) -> list[str]:
    """What is found, a sentence per level and finding, and why others are left out."""
    lines = [_sentence(count) for count in found.counts]
    return lines + [f"{line[:1].upper()}{line[1:]}: not asked." for line in found.skipped]


def _sentence(count: Count) -> str:
    """How many count as wrong, beside how many would where every label is right."""
    wrong, (chance, _, most) = count.wrong, count.by_chance
    bounds = f" (95 % interval {wrong.low:.0f} to {wrong.high:.0f})" if wrong.low is not None else ""
    ground = f"{count.labels} labels of {plural(count.level)} of {counted(count.patients, 'patient')}"
    text = (
        f"{count.finding}: of {ground}, {wrong.value:.0f}{bounds} count as wrong, {count.absent.value:.0f} labelled "
        f"absent and {count.present.value:.0f} labelled present; {count.marked} are marked."
    )
    if count.beyond:
        return f"{text} Were every label right, {chance:.0f} would (at most {most:.0f}): some are wrong."
    return (
        f"{text} Were every label right, {chance:.0f} would (up to {most:.0f}): wrong labels were not shown, which "
        "does not prove them right."
    )


def _sections(found: DoubtfulLabels) -> tuple[list[Section], int]:
    """One section per level, with its pictures, and how many these are."""
    store, missing = shown_store([found.run])
    places = {} if store is None else {study: row for row, study in enumerate(store.store.study_ids)}
    slices, sections, total = Slices(), [], 0
    for level in dict.fromkeys(count.level for count in found.counts):
        rows = found.rows.loc[found.rows["level"] == level]
        top = rows.head(min(found.top, MOST_PICTURES))
        pictures = []
        for _, row in top.iterrows():
            study, finding = str(row["study_id"]), str(row["finding"])
            if store is None or study not in places:
                continue
            own = (int(row[SLICE]), "the one that is labelled") if row[SLICE] != "" else None
            asked = own or slices.likeliest(study, finding, [("the model", str(found.files[level]), found.shown)])
            picture = slice_picture(store, places[study], asked)
            if picture is not None:
                name = f"{level}_{int(row['rank']):03d}"
                pictures.append(Picture(name, _caption(row, picture[0]), picture[1], study, finding))
        notes = NOTES if store is not None else (*NOTES, f"No pictures: {missing}.")
        counts = [count for count in found.counts if count.level == level]
        words = [_sentence(count) for count in counts]
        title = f"Labels of {plural(level)}"
        sheets = (_counts_sheet(counts), _rows_sheet(top))
        sections.append(
            Section(level, title, tuple(words), sheets, (), notes, pictures=tuple(pictures), pictured="In their order.")
        )
        total += len(pictures)
    if found.skipped or not sections:
        lines = tuple(f"{line}." for line in found.skipped) or ("No label could be asked.",)
        sections.append(Section("skipped", "Findings with too few labels", lines))
    return sections, total


def _caption(row: pd.Series, where: str) -> str:
    label = "present" if row["label"] else "absent"
    audit = f" The audit names it, too: {row['audit']}." if row["audit"] else ""
    head = f"{row['rank']}. {row['finding']}, labelled {label}; score {number(row['score'])}"
    return f"{head}. Study {row['study_id']}: {where}.{audit}"


def _counts_sheet(counts: Sequence[Count]) -> Sheet:
    header = (
        "finding",
        "labels",
        "patients",
        "count as wrong",
        "labelled absent",
        "labelled present",
        "were all right",
        "marked",
    )
    rows = []
    for count in counts:
        low, high = count.wrong.low, count.wrong.high
        wrong = f"{count.wrong.value:.1f}" + (
            f" [{low:.1f}, {high:.1f}]" if low is not None and high is not None else ""
        )
        right = f"{count.by_chance[0]:.1f} [{count.by_chance[1]:.1f}, {count.by_chance[2]:.1f}]"
        kinds = (f"{count.absent.value:.1f}", f"{count.present.value:.1f}")
        rows.append((count.finding, str(count.labels), str(count.patients), wrong, *kinds, right, str(count.marked)))
    return Sheet("How many count as wrong", header, tuple(rows))


def _rows_sheet(top: pd.DataFrame) -> Sheet:
    header = (
        "rank",
        "study",
        *((SLICE,) if (top[SLICE] != "").any() else ()),
        "finding",
        "label",
        "score",
        "marked",
        "audit",
    )
    rows = []
    for _, row in top.iterrows():
        place = (str(row[SLICE]),) if SLICE in header else ()
        words = ("present" if row["label"] else "absent", number(row["score"]), "yes" if row["marked"] else "no")
        rows.append(
            (str(row["rank"]), str(row["study_id"]), *place, str(row["finding"]), *words, str(row["audit"]) or "–")
        )
    return Sheet("The most doubtful", header, tuple(rows))
