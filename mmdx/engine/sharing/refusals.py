"""What the Hub refuses, and what keeps it out of reach, in one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mmdx.engine.sharing.names import HubName
from mmdx.errors import MmdxError, UsageError, reason

LOG_IN = "run `hf auth login`, or set HF_TOKEN"


@contextmanager
def refusing(name: HubName, *, writing: bool = False) -> Iterator[None]:
    """Within it a model of the Hub is read or written. Raises `UsageError`, of one line, for whatever is refused."""
    try:
        yield
    except MmdxError:
        raise
    except Exception as error:  # a request fails in a dozen unrelated types, by the version of the client
        raise UsageError(f"{name}: {_line(error, name, writing=writing)}") from error


def _line(error: Exception, name: HubName, *, writing: bool) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, LocalTokenNotFoundError) or (status == 401 and not isinstance(error, RepositoryNotFoundError)):
        return f"the Hub does not know you on this machine; {LOG_IN}"
    if writing and (status == 403 or isinstance(error, RepositoryNotFoundError)):
        return "you may not write there: it is of somebody else, or your token only reads; choose your own user/name"
    if isinstance(error, GatedRepoError):
        return f"is gated; ask for access at {constants.ENDPOINT}/{name.repository}, then {LOG_IN}"
    if isinstance(error, RepositoryNotFoundError):
        return f"no folder here, and no such model on the Hub, or a private one that your token does not open; {LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return f"has no revision '{name.revision}' (a branch, a tag or a commit); leave it out for the newest"
    if isinstance(error, HFValidationError):
        return f"is no name of the Hub ({reason(error)}); give user/name"
    if _unreached(error):
        return f"the Hub ({constants.ENDPOINT}) cannot be reached, and no whole copy is on this machine; {_why(error)}"
    if isinstance(error, HfHubHTTPError):
        return f"the Hub refuses it ({reason(error)})"
    return f"the Hub could not be asked ({reason(error)})"


def _unreached(error: BaseException) -> bool:
    """Whether it, or what it was raised for, says that nothing was reached."""
    if isinstance(error, LocalEntryNotFoundError | OfflineModeIsEnabled | ConnectionError | TimeoutError):
        return True
    # Of the library for requests, which is another from version to version of the client.
    return type(error).__name__ in ("ConnectError", "ConnectTimeout", "ReadTimeout", "ConnectionError", "Timeout")


def _why(error: Exception) -> str:
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set: unset it, or copy the model's folder here"
    return "look at the network, or copy the model's folder here"
