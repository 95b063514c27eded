"""Where training images lie: distances by hand, and the files of a model folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmdx.batch import Features
from mmdx.errors import DataError
from mmdx.models.domain import Reference, read_domain, study_vectors, write_domain

REFERENCE = Reference(
    torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1.0]), torch.tensor([[1.0, 0.0]]), torch.tensor([3.0]), 1.0, 2.5
)


def test_a_direction_counts_as_it_weighs_and_all_others_alike():
    vectors = torch.tensor([[1.0, 0.0], [5.0, 0.0], [1.0, 2.0]])
    assert REFERENCE.distance(vectors).tolist() == [0.0, 4.0, 2.0]


def test_the_vector_of_a_study_is_the_mean_of_its_items_alone():
    vectors = torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[5.0, 5.0], [float("nan"), 9.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    features = Features(vectors, mask, vectors[:, 0], vectors=vectors)
    assert study_vectors(features).tolist() == [[2.0, 4.0], [5.0, 5.0]]
    assert study_vectors(Features(vectors, mask, vectors[:, 0])) is None


def test_what_is_written_is_read_again(tmp_path: Path):
    write_domain(tmp_path, {"ct": REFERENCE})
    (read,) = read_domain(tmp_path).values()
    assert (read.limit, read.rest) == (2.5, 1.0)
    assert read.distance(torch.tensor([[5.0, 2.0]])).item() == REFERENCE.distance(torch.tensor([[5.0, 2.0]])).item()


def test_a_model_folder_of_before_says_nothing(tmp_path: Path):
    assert read_domain(tmp_path) == {}


@pytest.mark.parametrize("file", ["domain.json", "domain.safetensors"])
def test_a_broken_file_is_named(tmp_path: Path, file: str):
    write_domain(tmp_path, {"ct": REFERENCE})
    (tmp_path / file).write_text("{}")
    with pytest.raises(DataError, match=r"domain\..*: (has no inputs|is damaged|cannot be read)"):
        read_domain(tmp_path)
