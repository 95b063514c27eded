"""Who a process belongs to is what its launcher told it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmdx.data.store.lock import Group, hold, locked
from mmdx.errors import DataError, UsageError

TOLD = ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")


def group(monkeypatch: pytest.MonkeyPatch, **told: str) -> Group:
    for key in TOLD:
        monkeypatch.delenv(key, raising=False)
    for key, value in told.items():
        monkeypatch.setenv(key, value)
    return Group.of_environment()


def test_one_alone_is_known_by_its_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = group(monkeypatch, MASTER_PORT="29500")
    assert (alone.rank, alone.world, alone.local_world) == (0, 1, 1)
    assert alone.name == f"{socket.gethostname()} {os.getpid()}"


def test_those_of_one_launch_have_one_name_and_two_launches_have_two(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "node7", "MASTER_PORT": "29500"}
    groups = [group(monkeypatch, RANK=str(rank), **told) for rank in range(4)]
    assert [g.rank for g in groups] == [0, 1, 2, 3]
    assert {(g.world, g.local_world) for g in groups} == {(4, 2)}
    names = {groups[0].name, group(monkeypatch, **told | {"MASTER_PORT": "29501"}).name}
    names |= {group(monkeypatch, **told | {"MASTER_ADDR": "127.0.0.1"}).name}
    assert {g.name for g in groups} < names
    assert len(names) == 3


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two: expected a whole number from 1"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0: expected a whole number from 1"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK=2, WORLD_SIZE=2: ranks count from 0"),
    ],
)
def test_an_environment_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch, told: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        group(monkeypatch, **told)


def test_a_group_shares_a_lock_and_a_stranger_does_not(tmp_path: Path) -> None:
    first, second = (Group(rank, 2, 2, "launch") for rank in range(2))
    with locked(tmp_path / "out", "key", first), locked(tmp_path / "out", "key", second):
        for stranger in (Group(0, 2, 2, "other launch"), Group(0, 1, 1, "alone")):
            with (
                pytest.raises(DataError, match="another process is preparing"),
                locked(tmp_path / "out", "k", stranger),
            ):
                pass
    with locked(tmp_path / "out", "key", Group(0, 1, 1, "alone")):
        assert (tmp_path / "out" / ".lock").read_text() == "alone"


def test_a_second_of_a_group_leaves_the_work_of_the_first_alone(tmp_path: Path) -> None:
    first, second = (Group(rank, 2, 2, "launch") for rank in range(2))
    (tmp_path / "left.partial").touch()
    (tmp_path / "progress.json").write_text('{"fingerprint": "key"}')
    with locked(tmp_path, "key", first):
        assert not (tmp_path / "left.partial").exists()
        (tmp_path / "mine.partial").touch()
        with locked(tmp_path, "key", second):
            assert (tmp_path / "mine.partial").exists()


def test_a_file_is_held_by_one_until_all_that_inherited_it_have_ended(tmp_path: Path) -> None:
    path = tmp_path / "below" / "a.lock"
    first = hold(path)
    assert first is not None
    assert hold(path) is None
    code = "import sys; sys.stdin.read()"
    heir = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, pass_fds=[first.fileno()])
    first.close()
    assert hold(path) is None
    heir.communicate()
    second = hold(path)
    assert second is not None
    second.close()
