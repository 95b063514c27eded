"""What an installation has, and what it lacks with the command that brings it: packages, codecs, devices, weights."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement

from mmdx import __version__
from mmdx.extras import PACKAGES, installed_version

DEVELOPERS = ("all", "test", "dev")
"""Extras that are no part of mmdx."""
_ROOT = Path(__file__).parents[3]
"""Where this copy of mmdx lies."""
LITTLE_DISK = 10 * 2**30
"""Bytes below which a disk is too small for most stores."""


@dataclass(frozen=True)
class Checked:
    """One thing that was looked for: its `area`, what it is, what was `found`, and what brings it or more of it
    (`remedy`, empty where nothing is missing). `broken` where mmdx cannot work as it is."""

    area: str
    what: str
    found: str
    remedy: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Checkup:
    """Everything that was looked for, in order."""

    checked: tuple[Checked, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing that mmdx cannot work without."""
        return not any(one.broken for one in self.checked)


def checkup(folder: Path | None = None) -> Checkup:
    """Looks at this installation and machine; nothing is downloaded, and nobody is asked over the network.

    `folder` is where runs and stores would go, the working folder when left out.
    """
    packages = [*_packages(), *_parts()]
    if any(one.broken for one in packages):  # what looks at the rest could not be imported
        return Checkup(tuple(packages))
    return Checkup((*packages, *_machine(folder or Path()), *_codecs()))


def _packages() -> Iterator[Checked]:
    """Versions, and every requirement that is missing or too old."""
    yield Checked("mmdx", "version", f"{__version__}, Python {platform.python_version()} ({sys.prefix})")
    versions = ", ".join(f"{name} {found}" for name in PACKAGES[1:] if (found := installed_version(name)))
    yield Checked("mmdx", "packages", versions)
    if not _described("Requires-Dist"):
        yield Checked("mmdx", "installation", "pip does not know of it", f"pip install -e {_ROOT}", broken=True)
    for requirement in _requirements(""):
        if not _met(requirement):
            found = installed_version(requirement.name) or "not installed"
            command = f"pip install '{requirement.name}{requirement.specifier}'"
            yield Checked("mmdx", str(requirement), found, command, broken=True)


def _parts() -> Iterator[Checked]:
    """The extras, each of which brings one part of mmdx."""
    for extra in _extras():
        missing = [requirement.name for requirement in _requirements(extra) if not _met(requirement)]
        found = f"without {', '.join(missing)}" if missing else "installed"
        yield Checked("parts", extra, found, f"pip install 'mmdx[{extra}]'" if missing else "")


def _machine(folder: Path) -> Iterator[Checked]:
    """Cores, memory, disk, and pretrained weights that need no network."""
    from mmdx.engine.planning.facts.machine import this_machine

    machine, free = this_machine(), shutil.disk_usage(folder).free
    yield Checked("machine", "cores, memory", f"{machine.cores}, {machine.memory / 2**30:.0f} GB")
    gpu = f"{machine.gpu}, {machine.gpu_memory / 2**30:.0f} GB"
    yield Checked("machine", "GPU", gpu if machine.gpu else "none that torch can use: training runs on the CPU")
    remedy = "" if free >= LITTLE_DISK else "keep stores and runs on another disk: data.stores=FOLDER run=FOLDER"
    yield Checked("machine", "free disk", f"{free / 2**30:.0f} GB in {folder.resolve()}", remedy)
    images = [f"{one.name} ({one.source})" for one in machine.image_weights]
    for what, found in (("images", images), ("text", [one.source for one in machine.text_weights])):
        yield Checked("weights", what, ", ".join(found) or "none here; docs/weights.md says how to get some")


def _codecs() -> Iterator[Checked]:
    """How many transfer syntaxes of DICOM can be read, and those whose codec is missing."""
    from mmdx.data.dicom.codecs import syntaxes

    known = syntaxes()
    lacking = [one for one in known if one.missing]
    yield Checked("codecs", "DICOM", f"{len(known) - len(lacking)} of {len(known)} transfer syntaxes can be read")
    for one in lacking:
        yield Checked("codecs", one.name, "no codec", f"pip install '{one.missing}'")


def _extras() -> list[str]:
    """The extras that bring a part of mmdx, in their order."""
    return [extra for extra in _described("Provides-Extra") if extra not in DEVELOPERS]


def _described(field: str) -> list[str]:
    """The values of a field of what pip knows of mmdx; none where pip has not installed it."""
    try:
        return metadata("mmdx").get_all(field) or []
    except PackageNotFoundError:
        return []


def _requirements(extra: str) -> Iterator[Requirement]:
    """What mmdx needs on this machine, or what one of its extras adds."""
    base = {str(one) for one in _applicable("")} if extra else set()
    yield from (one for one in _applicable(extra) if str(one) not in base)


def _applicable(extra: str) -> Iterator[Requirement]:
    for line in _described("Requires-Dist"):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _met(requirement: Requirement) -> bool:
    found = installed_version(requirement.name)
    return found is not None and requirement.specifier.contains(found, prereleases=True)
