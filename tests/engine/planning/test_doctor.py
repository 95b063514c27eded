"""What `mmdx doctor` looks for, on this installation and on made ones that lack something."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdx.engine.planning import doctor
from mmdx.engine.planning.doctor import Checked, checkup


def described(monkeypatch: pytest.MonkeyPatch, *requirements: str, extras: tuple[str, ...] = ()) -> None:
    """pip knows of an mmdx with these requirements and extras."""
    message = Message()
    for requirement in requirements:
        message["Requires-Dist"] = requirement
    for extra in extras:
        message["Provides-Extra"] = extra
    monkeypatch.setattr(doctor, "metadata", lambda name: message)


def one(what: str) -> Checked:
    return next(checked for checked in checkup().checked if checked.what == what)


def test_this_installation_is_sound(tmp_path: Path) -> None:
    found = checkup(tmp_path)
    assert found.sound
    areas = [checked.area for checked in found.checked]
    assert list(dict.fromkeys(areas)) == ["mmdx", "parts", "machine", "weights", "codecs"]
    by_what = {checked.what: checked.found for checked in found.checked}
    assert f"torch {version('torch')}" in by_what["packages"]
    assert str(tmp_path) in by_what["free disk"]
    assert by_what["lora"] == by_what["boxes"] == by_what["demo"] == "installed"


def test_a_package_that_is_missing_or_too_old_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    described(monkeypatch, "numpy>=2.0", "no-such-package>=3", "pandas>=999", 'also-none; python_version < "3"')
    found = checkup()
    assert not found.sound
    assert [(c.what, c.found, c.remedy) for c in found.checked if c.broken] == [
        ("no-such-package>=3", "not installed", "pip install 'no-such-package>=3'"),
        ("pandas>=999", version("pandas"), "pip install 'pandas>=999'"),
    ]
    # Where packages are missing, what would import them is not asked.
    assert {checked.area for checked in found.checked} == {"mmdx"}


def test_an_extra_that_is_not_there_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = ["numpy>=2.0", 'no-such-package>=3; extra == "demo"', 'pandas>=2; extra == "text"']
    described(monkeypatch, *requirements, 'also-none; extra == "dev"', extras=("demo", "text", "dev"))
    found = checkup()
    assert found.sound
    parts = {c.what: (c.found, c.remedy) for c in found.checked if c.area == "parts"}
    assert parts == {
        "demo": ("without no-such-package", "pip install 'mmdx[demo]'"),
        "text": ("installed", ""),
    }


def test_a_copy_that_pip_does_not_know_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> Message:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "metadata", unknown)
    assert one("installation") == Checked(
        "mmdx", "installation", "pip does not know of it", f"pip install -e {Path(__file__).parents[3]}", broken=True
    )


def test_a_small_disk_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**30))
    found = one("free disk")
    assert found.found.startswith("1 GB in ")
    assert "data.stores=FOLDER" in found.remedy
    assert not found.broken
