"""Training states: what they give back, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from mmdx.engine.assembly.finals import Keeper, Mean
from mmdx.engine.training.state import Progress, load_state, save_state
from mmdx.errors import DataError
from mmdx.models import weights


def stepped(seed: int = 0) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A model and its optimizer after one step."""
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1 + seed)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_training_state_comes_back_whole(tmp_path):
    model, optimizer = stepped()
    progress = Progress(epoch=3, batch=2, step=17, best=0.81, best_epoch=2)
    save_state(tmp_path / "last.safetensors", model, optimizer, progress, {"scale": 512.0}, {"": torch.tensor(4)})
    other, its_optimizer = stepped(seed=1)
    keeper = Mean(tail=0.5)
    assert load_state(tmp_path / "last.safetensors", other, its_optimizer, keeper) == (progress, {"scale": 512.0})
    assert keeper.state() == {"": torch.tensor(4)}
    assert torch.equal(other.weight, model.weight)
    assert its_optimizer.param_groups[0]["lr"] == 0.1
    first, second = optimizer.state_dict()["state"], its_optimizer.state_dict()["state"]
    assert all(torch.equal(first[i][slot], second[i][slot]) for i in first for slot in first[i])


def test_a_state_of_another_model_is_one_line(tmp_path):
    model, optimizer = stepped()
    save_state(tmp_path / "last.safetensors", model, optimizer, Progress(), {}, {})
    other = torch.nn.Linear(4, 2)
    with pytest.raises(DataError, match=r"cannot be resumed from \(.*size mismatch.*start a new run") as caught:
        load_state(tmp_path / "last.safetensors", other, torch.optim.AdamW(other.parameters()), Keeper())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"half a header", "no header"])
def test_a_broken_state_is_one_line(tmp_path, content):
    model, optimizer = stepped()
    path = tmp_path / "last.safetensors"
    path.write_bytes(content) if isinstance(content, bytes) else save_file(
        {f"model.{name}": value for name, value in model.state_dict().items()}, path
    )
    with pytest.raises(DataError, match="cannot be resumed from"):
        load_state(path, model, optimizer, Keeper())


def test_a_full_disk_keeps_the_state_that_is_there(tmp_path, monkeypatch):
    model, optimizer = stepped()
    path = tmp_path / "last.safetensors"
    save_state(path, model, optimizer, Progress(step=1), {}, {})

    def full(tensors, target, metadata):
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(DataError, match=r"cannot be written \(.*No space left.*; make room, then go on with train"):
        save_state(path, model, optimizer, Progress(step=2), {}, {})
    assert load_state(path, model, optimizer, Keeper())[0].step == 1
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]
