"""Shapes and types of every function in mmdx are checked while the tests run, and no test reaches the network.

Tests of whole experiments are the exception (`UNCHECKED`): there the checks take as long as all that they check.
"""

import gc
import os

import jaxtyping
from jaxtyping import install_import_hook

install_import_hook("mmdx", "beartype.beartype")
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# Several workers share the cores; and no test may depend on how many threads a timing would choose.
os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}

import ipaddress  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# The same examples on every run and on every machine, however slow.
settings.register_profile(
    "mmdx",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("mmdx")

UNCHECKED = tuple(
    f"{Path(__file__).parent / place}{os.sep}"
    for place in ("api", "engine/experiments", "engine/reporting", "engine/planning")
)
"""Tests of whole experiments, whose parts have tests of their own. A whole training is checked by `engine/training`."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    jaxtyping.config.update("jaxtyping_disable", str(item.path).startswith(UNCHECKED))


LONGEST = "test_readme_commands_run_in_their_order"
"""The test that takes a quarter of the time of a worker: begun last, it would keep the other ones waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name != LONGEST)


def pytest_collection_finish() -> None:
    """Training ends with a whole collection of garbage, which need not go through all that was imported each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


def _refuse_beyond_loopback(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name in ("localhost", socket.gethostname())
    if not local:
        raise OSError(f"a test reached for the network: {name}")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of this process connect to itself alone; processes that it starts inherit the offline variables."""

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_beyond_loopback(address[0])
        _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_beyond_loopback(address[0])
        return _connect_ex(self, address)

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_beyond_loopback(host)
        return _getaddrinfo(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="session", autouse=True)
def figures_without_pdf() -> Iterator[Any]:
    """Figures are saved as PNG and SVG: to put the letters into a PDF takes as long as the rest of a comparison."""
    from mmdx.stats.report.plots import FORMATS

    with pytest.MonkeyPatch.context() as patch:
        options = FORMATS["pdf"]
        patch.delitem(FORMATS, "pdf")
        yield options


@pytest.fixture
def figures_as_pdf(monkeypatch: pytest.MonkeyPatch, figures_without_pdf: Any) -> None:
    """Figures are saved in all formats."""
    from mmdx.stats.report.plots import FORMATS

    monkeypatch.setitem(FORMATS, "pdf", figures_without_pdf)


@pytest.fixture
def problem(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a verb that must fail with `code`, in exactly one line on standard error, and returns the line."""
    from mmdx.cli import main

    def run(*arguments: object, code: int) -> str:
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert stopped.value.code == code, said.err
        assert said.out == ""
        lines = said.err.splitlines()
        assert len(lines) == 1, said.err
        assert lines[0].startswith("mmdx: ")
        return lines[0]

    return run


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """The last of 1,200 folders that lie in each other in ``tmp_path / "root"``; taken away from the bottom, as pytest
    removes folders by recursion, which ends at a depth of 1,000."""
    folder = tmp_path / "root"
    folder.mkdir()
    for _ in range(1200):
        folder = folder / "d"
        folder.mkdir()
    yield folder
    while folder != tmp_path:
        shutil.rmtree(folder)
        folder = folder.parent
