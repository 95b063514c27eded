"""Tables: a study's row of numbers and categories, of which any may be missing, becomes one vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.registry import TABLE_ENCODERS
from mmdx.study import Column


class TableEncoder(nn.Module, ABC):
    """Rows `[n c]` to vectors `[n e]`, e being `dim`, each row by itself.

    A row has one value per column, as the study has it: the number, or the place of the word among `Column.words`; NaN
    where it is missing. `columns` are those that `mmdx.data.loading.traits` fitted on the training studies.
    """

    dim: int

    @abstractmethod
    def forward(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n e"]: ...


@TABLE_ENCODERS("table_mlp")
class TableMlp(TableEncoder):
    """One hidden layer over standardised numbers, one place per word of each category, and a mark for what is missing.

    A missing number is the training mean, a missing word the mean over the training words: both are 0 here, where
    numbers are standardised and the places of words centred. Columns that some training study lacks have a mark beside
    them that says so; one that none lacks has none, since what it would weigh could not be learned. The weights of a
    word's place are its embedding.
    """

    def __init__(self, columns: tuple[Column, ...], *, hidden: int = 32, dropout: float = 0.1) -> None:
        super().__init__()
        self.columns = columns
        self.layers = nn.Sequential(nn.Linear(width_of(columns), hidden), nn.GELU(), nn.Dropout(dropout))
        self.dim = hidden

    def forward(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n e"]:
        return self.layers(standardised(values, self.columns))


def width_of(columns: Sequence[Column]) -> int:
    """How many numbers `standardised` makes of a row: one per column of numbers, one per word, one per mark."""
    return sum((len(column.words) or 1) + column.gaps for column in columns)


def standardised(values: Float[Tensor, "n c"], columns: Sequence[Column]) -> Float[Tensor, "n d"]:
    """Numbers less their mean, by their standard deviation; for a category one place per word, 1 or 0 less its share;
    missing ones 0, and behind a column that has gaps a mark, 1 where it is missing."""
    parts = []
    for column, value in zip(columns, values.float().unbind(dim=1), strict=True):
        missing = value.isnan()[:, None]
        if column.words:
            places = torch.arange(len(column.words), device=value.device)
            numbers = (value[:, None] == places).float() - value.new_tensor(column.shares)
        else:
            numbers = (value[:, None] - column.mean) / column.sd
        parts.append(torch.where(missing, 0.0, numbers))
        if column.gaps:
            parts.append(missing.float())
    return torch.cat(parts, dim=1)
