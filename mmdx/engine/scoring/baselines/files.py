"""The baselines of a run as files beside its predictions.

Each is fitted on the training studies of a run alone and scores the others, in the form of predictions: `constant`
(the prevalence), `metadata` (a logistic regression on the facts of a study: traits, how many images it has and on what
evidence they stand in order, which texts it has), `image shape` (one on the margins that letter-boxing left), `TF-IDF
NAME` (one on the words of a text that the run reads, as it reads it; C is 10, not searched for), `probe NAME` (one on
frozen descriptors), and for slices `constant`, `slice position` and `probe NAME`. Their files, such as
`test_baselines.csv`, lie beside the predictions of a run and have the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32

from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.runs.setting import Setting
from mmdx.engine.runs.studies import study_facts
from mmdx.engine.scoring.baselines.facts import by_facts, margins, varied_facts
from mmdx.engine.scoring.baselines.inputs import (
    BaselineInputs,
    Rows,
    Scores,
    all_slices,
    constant,
    training_slices,
)
from mmdx.engine.scoring.baselines.position import by_position
from mmdx.engine.scoring.baselines.probe import probe_name, slice_probe, study_probe
from mmdx.engine.scoring.baselines.words import by_words, texts
from mmdx.engine.scoring.encoded import descriptors_at_hand, with_descriptors
from mmdx.engine.scoring.score import write_rows
from mmdx.files import BASELINES, SLICE, SLICES, scores_name
from mmdx.study import Split

CONSTANT, POSITION = "constant", "slice position"
Maker = Callable[[BaselineInputs], Scores | str]
"""Makes the scores of a baseline, or says why there are none."""


def write_baselines(setting: Setting, saved: SavedModel, scored: Sequence[Split], folder: Path) -> list[str]:
    """Writes the baselines of every split in `scored` that has predictions in `folder`; returns one line per baseline
    that was left out.

    They answer for the rows, patients and labels of these files, whatever was shown, and are fitted once.
    """
    described = _described(saved, setting.store)
    findings, count = saved.facts.findings, setting.count
    inputs = BaselineInputs(saved.config, setting.store, setting.splits, findings, described, count)
    row_of = {study: row for row, study in enumerate(setting.store.study_ids)}
    lines: list[str] = []
    tables = _tables(folder, scored)
    if tables:
        named = [name for rows in tables.values() for name in dict.fromkeys(rows["study_id"])]
        studies = list(dict.fromkeys(named))
        by_name, lines = study_baselines(inputs, [row_of[study] for study in studies])
        for path, rows in tables.items():
            _write(path, rows, by_name, pd.Index(studies).get_indexer(pd.Index(rows["study_id"])), inputs.findings)
    modality = next((head.modality for head in saved.model.heads_of("slice").values()), None)
    tables = _tables(folder, scored, SLICES)
    if tables and modality is not None:
        rows = pd.concat(tables.values(), ignore_index=True)
        slices = pd.DataFrame({"row": rows["study_id"].map(row_of), SLICE: rows[SLICE].astype(int)})
        places = slices.drop_duplicates(ignore_index=True)
        by_name, left_out = slice_baselines(inputs, modality, places)
        at = pd.MultiIndex.from_frame(places).get_indexer(pd.MultiIndex.from_frame(slices))
        start = 0
        for path, part in tables.items():
            _write(path, part, by_name, at[start : start + len(part)], inputs.findings)
            start += len(part)
        lines += left_out
    return lines


def study_baselines(inputs: BaselineInputs, rows: Rows) -> tuple[dict[str, Scores], list[str]]:
    """The scores of `rows` by each baseline, `[n f]`, by its name; and one line per baseline that is left out.

    Where all images have one shape there is no `image shape`.
    """
    makers: dict[str, Maker] = {
        CONSTANT: lambda given: constant(given.labels[given.train], len(rows)),
        "metadata": lambda given: by_facts(study_facts(given.store), given, rows),
    }
    shapes = margins(inputs.store, inputs.count)
    if varied_facts(shapes.iloc[inputs.train]):
        makers["image shape"] = lambda given: by_facts(shapes, given, rows)
    makers |= {f"TF-IDF {name}": lambda given, name=name: by_words(name, given, rows) for name in texts(inputs)}
    names = list(inputs.described)
    for probed in [[name] for name in names] + ([names] if len(names) > 1 else []):
        makers[probe_name(probed)] = lambda given, probed=probed: study_probe(given, probed, rows)
    return _made(makers, inputs)


def slice_baselines(inputs: BaselineInputs, modality: str, slices: pd.DataFrame) -> tuple[dict[str, Scores], list[str]]:
    """The scores of `slices` (columns `row`, the study's, and `slice`, its place) by each baseline, and one line per
    baseline that is left out."""
    makers: dict[str, Maker] = {
        CONSTANT: lambda given: constant(all_slices(training_slices(given, modality), given.findings), len(slices)),
        POSITION: lambda given: by_position(given, modality, slices),
    }
    if modality in inputs.described:
        makers[probe_name([modality])] = lambda given: slice_probe(given, modality, slices)
    return _made(makers, inputs)


def _made(makers: Mapping[str, Maker], inputs: BaselineInputs) -> tuple[dict[str, Scores], list[str]]:
    by_name: dict[str, Scores] = {}
    lines: list[str] = []
    for name, make in makers.items():
        scores = make(replace(inputs, name=name))
        if isinstance(scores, str):
            lines.append(f"baseline '{name}' left out: {scores}")
        else:
            by_name[name] = scores
    return by_name, lines


def _described(saved: SavedModel, store: Store) -> dict[str, Callable[[int], Float32[np.ndarray, "_ _"]]]:
    """The frozen descriptors that are at hand, by modality, read one study at a time."""
    encoded = with_descriptors(saved, store)

    def of(name: str, row: int) -> Float32[np.ndarray, "_ _"]:
        arrays = descriptors_at_hand(encoded, store, name, [row])
        if arrays is None:
            raise ValueError(f"no descriptors of '{name}' are at hand")
        return arrays[0]

    names = [name for name in saved.config.model.inputs if descriptors_at_hand(encoded, store, name, []) is not None]
    return {name: partial(of, name) for name in names}


def _tables(folder: Path, scored: Sequence[Split], *kinds: str) -> dict[Path, pd.DataFrame]:
    """The prediction files of the splits that have any rows, by the file that their baselines go to."""
    tables = {split: _scored(folder / scores_name(split, *kinds)) for split in scored}
    return {folder / scores_name(split, *kinds, BASELINES): rows for split, rows in tables.items() if len(rows)}


def _scored(path: Path) -> pd.DataFrame:
    """The rows of a prediction file under what was shown first, as text; none where there is no such file."""
    if not path.is_file():
        return pd.DataFrame()
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    return rows.loc[rows["shown"] == rows["shown"].iloc[0]].reset_index(drop=True) if len(rows) else rows


def _write(
    path: Path,
    rows: pd.DataFrame,
    by_name: Mapping[str, Scores],
    at: np.ndarray,
    findings: Sequence[str],
) -> None:
    """`rows` once per baseline; row i takes the scores of line `at[i]`."""
    column = pd.Index(findings).get_indexer(pd.Index(rows["finding"]))
    write_rows(path, [rows.assign(shown=name, score=scores[at, column]) for name, scores in by_name.items()])
