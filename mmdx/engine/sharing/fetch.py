"""A model of the Hub on this machine: the files that a model folder has, and nothing that lies beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import snapshot_download

from mmdx import __version__
from mmdx.engine.assembly.model_files.copies import PATTERNS
from mmdx.engine.runs.folder import is_model_folder
from mmdx.engine.sharing.names import HubName, hub_name
from mmdx.engine.sharing.refusals import refusing
from mmdx.errors import UsageError


@dataclass(frozen=True)
class Access:
    """How the Hub is asked, in the words of its own library: with which `token` (None: that of this machine), into
    which cache, without asking at all (`local_files_only`), or anew (`force_download`)."""

    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    force_download: bool = False


ORDINARY = Access()


def local_model(run: str | Path, *, revision: str | None = None, access: Access = ORDINARY) -> Path:
    """`run` as a folder: a path as it is, a name of the Hub as what is downloaded of it, once.

    Raises `UsageError` where there is no such model, it cannot be had, or it is none of mmdx; and for a revision of a
    folder, which has none.
    """
    name = hub_name(run)
    if name is None:
        if revision is not None:
            raise UsageError(f"{run}: is a folder here, which has no revision '{revision}'; leave it out")
        return Path(run)
    if revision is not None and name.revision not in (None, revision):
        raise UsageError(f"{name}: and revision '{revision}' is asked for; give one of them")
    return _downloaded(name if revision is None else replace(name, revision=revision), access)


def _downloaded(name: HubName, access: Access) -> Path:
    with refusing(name):
        folder = snapshot_download(
            name.repository,
            revision=name.revision,
            token=access.token,
            cache_dir=access.cache_dir,
            local_files_only=access.local_files_only,
            force_download=access.force_download,
            allow_patterns=list(PATTERNS),
            library_name="mmdx",
            library_version=__version__,
        )
    if not is_model_folder(Path(folder)):
        raise UsageError(f"{name}: is no model of mmdx (it has no model.json); mmdx reads what `mmdx push` left")
    return Path(folder)
