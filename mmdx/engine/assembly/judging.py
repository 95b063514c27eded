"""Whether epochs can be judged: by a head of the model, and by labels that studies have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.data.tables.label_lines import without_finding
from mmdx.engine.assembly.narrow import level_of
from mmdx.errors import some
from mmdx.kinds import KINDS
from mmdx.schema import Config, ModelConfig
from mmdx.study import Split


def judge_problems(config: Config) -> list[str]:
    """What is wrong, one line per stage: `train.judge` asks for scores that no head of the stage gives.

    Boxes and texts judge nothing: a model whose heads give nothing else is refused as well.
    """
    stages = [("", config.model, config.train.judge)]
    if config.first is not None:
        stages.append(("first.", config.first.model, config.first.train.judge))
    return [line for stage in stages if (line := _problem(*stage)) is not None]


def nothing_labelled(store: Store, splits: Splits, findings: Sequence[str]) -> str | None:
    """The line about a store without a finding, or without a label in its training or test studies; None if it has.

    A test split without any study is another matter, and so are labels of one class alone.
    """
    if not findings:
        traits = [store.read(row).traits() for row in range(len(store))]
        return f"{store.folder}: no finding, so there is nothing to learn or score; {without_finding(traits)}"
    purposes: dict[Split, str] = {"train": "to learn from", "test": "to score"}
    for split, purpose in purposes.items():
        rows = splits.rows(split)
        if rows and not _labelled(store, rows, findings):
            return (
                f"{store.folder}: nothing {purpose}: none of {len(rows)} {split} studies has a label of "
                f"{some(list(findings))}; fill in labels, or deal the patients anew"
            )
    return None


def _labelled(store: Store, rows: Sequence[int], findings: Sequence[str]) -> bool:
    """Whether a study in `rows`, or an image of one, has a known label."""
    columns = store.columns_of(findings)
    if not np.isnan(store.labels[np.ix_(rows, columns)]).all():
        return True
    sliced = [name for name, facts in store.modalities.items() if KINDS[facts.kind].sliced]
    labels = (store.read(row).slice_labels(name) for row in rows for name in sliced)
    return any(not np.isnan(of[:, columns]).all() for of in labels if len(of))


def _problem(stage: str, model: ModelConfig, judge: str) -> str | None:
    """`stage` is what the keys of the stage begin with, empty or `first.`."""
    levels = {level_of(head) for head in model.heads.values()}
    heads = f"{stage}model.heads"
    if judge == "slices" and "slice" not in levels:
        other = ", or drop judge" if "study" in levels else ""
        return f"{stage}train.judge=slices: no slice head answers for them; add one to {heads}{other}"
    if judge == "studies" and "study" not in levels:
        other = f", or judge by the slice head ({stage}train.judge=slices)" if "slice" in levels else ""
        return f"{stage}train.judge=studies: no study head answers for them; add study: study to {heads}{other}"
    return None
