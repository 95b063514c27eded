"""Every study of the store that a run stands on, those that taught the model too, as the files of the run have them.

A comparison knows the rows that were scored; here is what lies before them: what could not be stored, who was dealt
where, what all of them are labelled with, and their facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from mmdx.files import EVALUATION, FOLD, PREDICTIONS, RunLayout
from mmdx.stats.cohort.cohort import Arm
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.cohort.showings import modalities
from mmdx.stats.cohort.sources import Source
from mmdx.strangers.bounded import read_json
from mmdx.strangers.cells import text_of
from mmdx.study import SPLITS, modality_of, order_fact, text_fact

UNUSED = "unused"


@dataclass(frozen=True, eq=False)
class Enrolled:
    """The studies of a run in the order of its table, one row each.

    `patients` numbers their patients from 0, `parts` says in which split each is, or in which fold where the run is a
    cross-validation (`folds`). `labels` has a column per finding (1, 0, NaN where nobody looked), and none where the
    run left no `labels.csv`; `facts` one per fact, None where it is missing. `scored` are those with a score in the
    predictions `of`. `store` is what `environment.json` says of the store. `second` says of an evaluation on a second
    cohort how many studies were left out, by reason; None elsewhere; `taught` are then the studies that taught the run,
    where its folder is at hand. `refitted`: validation studies taught the model that stays, too.
    """

    run: str
    folder: Path
    of: str
    patients: Int[np.ndarray, "n"]
    parts: tuple[str, ...]
    folds: bool
    labels: pd.DataFrame
    facts: pd.DataFrame
    scored: Bool[np.ndarray, "n"]
    store: Mapping[str, Any] = field(default_factory=dict)
    second: Mapping[str, int] | None = None
    refitted: bool = False
    taught: Enrolled | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that hold a study, in their order, or the folds."""
        if self.folds:
            return tuple(sorted(set(self.parts), key=lambda fold: (len(fold), fold)))
        return tuple(name for name in (*SPLITS, UNUSED) if name in self.parts)

    def inside(self, part: str) -> Bool[np.ndarray, "n"]:
        """Which studies are in a split or fold."""
        return np.array(self.parts) == part

    def patient_count(self, rows: Bool[np.ndarray, "n"]) -> int:
        """How many patients some studies are of."""
        return len(np.unique(self.patients[rows]))

    def having(self) -> dict[str, Bool[np.ndarray, "n"]]:
        """By modality, which studies have it, as far as the facts tell."""
        present = {}
        for name in map(str, self.facts):
            modality = modality_of(name, list(map(str, self.facts)))
            if modality is None or name == order_fact(modality):
                continue
            if name == text_fact(modality):
                present[modality] = np.array([value == "yes" for value in self.facts[name]], dtype=bool)
            else:
                numbers = pd.to_numeric(self.facts[name], errors="coerce").to_numpy(dtype=np.float64)
                present[modality] = numbers > 0
        return present


def enrolled_of(arms: Sequence[Arm]) -> Enrolled | None:
    """The studies behind the first model of a comparison that lies in a run folder; None where none says whom it
    stands on. Raises `DataError` where a table of the run cannot be read."""
    for arm in arms:
        file = Path(arm.source)
        if arm.kind == "model" and file.parent.name == PREDICTIONS:
            enrolled = read_enrolled(file.parent.parent, file, arm.run)
            if enrolled is not None:
                return replace(enrolled, facts=_read_by(arms, enrolled.facts))
    return None


def _read_by(arms: Sequence[Arm], facts: pd.DataFrame) -> pd.DataFrame:
    """The facts without those of modalities that no model was shown; all of them where a model was shown what no fact
    is of, such as channels that were stacked: it may hold any."""
    of = {name: modality_of(str(name), list(map(str, facts))) for name in facts}
    shown = frozenset[str]().union(*(modalities(arm) for arm in arms if arm.kind == "model"))
    if not shown <= set(of.values()):
        return facts
    return facts[[name for name in facts if of[name] is None or of[name] in shown]]


def read_enrolled(folder: Path, scores: Path, run: str) -> Enrolled | None:
    """The studies of the run in a folder, of which those in the file `scores` were scored; None where the folder does
    not say what it stands on. Raises `DataError` where one of its tables cannot be read."""
    layout = RunLayout(folder)
    folds = layout.folds.is_file()
    table = next((path for path in (layout.folds, layout.splits, layout.studies) if path.is_file()), None)
    if table is None or not layout.environment.is_file():
        return None
    column = FOLD if folds else "split"
    dealt = read_text(table, ("study_id", "patient_id", column))
    studies = dealt["study_id"].tolist()
    evaluation = _json(scores.with_name(EVALUATION))
    return Enrolled(
        run=run,
        folder=folder,
        of=scores.stem.partition("_")[0],
        patients=np.unique(dealt["patient_id"], return_inverse=True)[1].ravel(),
        parts=tuple(dealt[column]),
        folds=folds,
        labels=_labels(layout.labels, studies),
        facts=Source(scores, folder, run).traits(studies),
        scored=np.isin(studies, [text_of(study) for study in read_text(scores, ("study_id",))["study_id"].unique()]),
        store=_json(layout.environment).get("store") or {},
        second=(evaluation.get("left_out") or {}) if "trained" in evaluation else None,
        refitted=layout.final.is_file(),
        taught=_taught(evaluation, scores.name) if "trained" in evaluation else None,
    )


def _taught(evaluation: Mapping[str, Any], name: str) -> Enrolled | None:
    """The studies behind the run that was evaluated; None where it does not lie where it lay, or says nothing."""
    run = RunLayout(Path(str(evaluation.get("run"))))
    path = run.predictions / name
    return read_enrolled(run.folder, path, run.folder.name) if path.is_file() else None


def joined(taught: Enrolled, second: Enrolled) -> Enrolled:
    """The studies that taught a run, as `train`, and those of a second cohort, as `test`: no patient is in both, and
    facts and labels are those that both have."""
    rows = ~taught.inside(UNUSED) if taught.folds else taught.inside("train")
    rows = rows | taught.inside("val") if taught.refitted else rows
    facts, labels = (
        pd.concat([one.loc[rows, common], other[common]], ignore_index=True)
        for one, other in ((taught.facts, second.facts), (taught.labels, second.labels))
        for common in ([name for name in one if name in other],)
    )
    return replace(
        second,
        patients=np.unique(
            np.concatenate([taught.patients[rows], second.patients + taught.patients.max() + 1]), return_inverse=True
        )[1].ravel(),
        parts=("train",) * int(rows.sum()) + ("test",) * len(second.parts),
        facts=facts,
        labels=labels,
        scored=np.concatenate([np.zeros(int(rows.sum()), dtype=bool), second.scored]),
    )


def _labels(path: Path, studies: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(index=range(len(studies)))
    table = read_text(path, ("study_id", "patient_id")).drop_duplicates("study_id").set_index("study_id")
    table = table.reindex(list(studies)).drop(columns="patient_id")
    return table.apply(pd.to_numeric, errors="coerce").astype(np.float64).reset_index(drop=True)


def _json(path: Path) -> Mapping[str, Any]:
    content = read_json(path) if path.is_file() else {}
    return content if isinstance(content, Mapping) else {}
