"""What goes wrong with the Hub is one line that says what to do."""

from __future__ import annotations

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)

from mmdx.engine.sharing.names import HubName
from mmdx.engine.sharing.refusals import refusing
from mmdx.errors import DataError, UsageError

NAME = HubName("user/head-ct")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LocalTokenNotFoundError("no token"), "hf auth login"),
        (OfflineModeIsEnabled("offline"), "cannot be reached"),
        (LocalEntryNotFoundError("nothing\nhere"), "cannot be reached"),
        (ConnectionError("refused"), "look at the network"),
        (HFValidationError("two\nlines"), "is no name of the Hub (two lines); give user/name"),
        (RuntimeError("odd\nthing"), "the Hub could not be asked (odd thing)"),
    ],
)
def test_each_problem_is_one_line(error, words, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(UsageError) as refused, refusing(NAME):
        raise error
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith("user/head-ct: ")
    assert words in refused.value.problems[0]


def test_offline_by_choice_is_said(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE is set"), refusing(NAME):
        raise OfflineModeIsEnabled("offline")


def test_our_own_refusals_pass():
    with pytest.raises(DataError, match=r"^ours$"), refusing(NAME):
        raise DataError("ours")
