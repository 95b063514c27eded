"""Names of models on the Hub: `user/name`, or `user/name@revision`; a folder that exists is never taken for one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?P<repository>{_PART}/{_PART})(?:@(?P<revision>[^\s@]+))?")


@dataclass(frozen=True)
class HubName:
    """A model on the Hub, `user/name`, and which of its revisions: a branch, a tag or a commit; None is the newest."""

    repository: str
    revision: str | None = None

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"


def hub_name(run: str | Path) -> HubName | None:
    """The model of the Hub that is meant by `run`; None where it is a path.

    A path is whatever exists, whatever begins in a folder that exists (`runs/phantom-2`, mistyped, is not looked for on
    the Hub), and whatever no model of the Hub can be called.
    """
    text = str(run)
    found = _NAME.fullmatch(text)
    if found is None or Path(text).exists() or Path(text).parts[0] == "runs" or Path(Path(text).parts[0]).is_dir():
        return None
    if any(run in text for run in ("--", "..")):
        return None
    return HubName(found["repository"], found["revision"])
