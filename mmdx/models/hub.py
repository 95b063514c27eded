"""The hub of Hugging Face: what of it lies on this machine already, and whether the rest can be downloaded."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from mmdx.errors import reason

PATIENCE = 4.0
"""Seconds in which the hub must answer."""


def downloaded(repository: str, *names: str) -> Path | None:
    """The first of the files `names` of a repository that an earlier download left on this machine."""
    for name in names:
        try:
            found = try_to_load_from_cache(repository, name)
        except HFValidationError:  # no repository can be called so
            return None
        if isinstance(found, str):
            return Path(found)
    return None


def out_of_reach() -> str | None:
    """Why nothing can be downloaded, in words; None where the hub answers."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    answers: list[str | None] = []
    # Names are looked up without a limit of time: whoever waits for them in a thread need not wait for the end.
    asking = Thread(target=lambda: answers.append(_answer(constants.ENDPOINT)), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answers[0] if answers else f"{constants.ENDPOINT} gave no answer within {PATIENCE:g} s"


def _answer(endpoint: str) -> str | None:
    """Why an address does not answer, None where it does."""
    try:
        with urlopen(Request(endpoint, method="HEAD"), timeout=PATIENCE):
            return None
    except HTTPError:
        return None  # it answers, whatever it says of this page
    except (OSError, ValueError) as error:
        why = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
        return f"{endpoint} cannot be reached: {reason(why)}"
