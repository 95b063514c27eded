"""The branch of tables: one row per study, which is its only item."""

from __future__ import annotations

import torch
from parts import config_of

from mmdx.batch import Packed
from mmdx.models.branches.tables import TableBranch
from mmdx.models.facts import InputFacts
from mmdx.models.tabular import TableMlp
from mmdx.study import Column

AGE = Column("age", 60.0, 10.0)
SEX = Column("sex", words=("f", "m"), shares=(0.75, 0.25), gaps=True)


def test_the_columns_of_the_facts_are_those_of_the_encoder() -> None:
    section = config_of(report={"encoder": {"type": "table_mlp", "hidden": 8}}).model.inputs["report"]
    branch, architecture = TableBranch.build(
        section, InputFacts("tabular", columns=(AGE, SEX)), dim=3, where="model.inputs.report"
    )
    assert isinstance(branch, TableBranch)
    assert isinstance(branch.encoder, TableMlp)
    assert branch.encoder.columns == (AGE, SEX)
    assert (branch.sizes.kind, branch.sizes.items, architecture) == ("tabular", 8, {})


def test_a_study_has_its_row_as_its_one_item_or_none():
    torch.manual_seed(0)
    branch = TableBranch(TableMlp((AGE, SEX), hidden=8), 3).eval()
    seen = branch(Packed(torch.tensor([[80.0, 0.0], [torch.nan, 1.0]]), torch.tensor([1, 0, 1])))
    assert seen.items.shape == (3, 1, 8)
    assert seen.mask.tolist() == [[True], [False], [True]]
    assert seen.pooled.shape == (3, 3)
    assert seen.pooled.isfinite().all()
