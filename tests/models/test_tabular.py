"""Rows of traits as the encoder sees them: standardised, centred, nothing missing."""

from __future__ import annotations

import pytest
import torch

from mmdx.models.tabular import TableMlp, standardised, width_of
from mmdx.study import Column

AGE = Column("age", 60.0, 10.0)
SEX = Column("sex", words=("f", "m"), shares=(0.75, 0.25), gaps=True)
NAN = torch.nan


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([80, 0], [2, 0.25, -0.25, 0]),
        ([55, 1], [-0.5, -0.75, 0.75, 0]),
        ([NAN, 1], [0, -0.75, 0.75, 0]),  # age has no gap in training, so that no mark was learned
        ([80, NAN], [2, 0, 0, 1]),
    ],
)
def test_a_row_by_hand(row, expected):
    assert width_of((AGE, SEX)) == 4
    found = standardised(torch.tensor([row], dtype=torch.float32), (AGE, SEX))
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


def test_a_missing_number_is_the_training_mean():
    torch.manual_seed(0)
    encoder = TableMlp((AGE,)).eval()
    torch.testing.assert_close(encoder(torch.tensor([[NAN]])), encoder(torch.tensor([[60.0]])))
