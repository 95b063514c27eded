import re

import numpy as np
import pytest

from mmdx.data.phantom.prose import CUES, write_report
from mmdx.data.phantom.recipe import FINDINGS

NAMES = [cue.name for cue in CUES]
FORBIDDEN = re.compile(
    r"ha?emorrhag|bleed|haematoma|hematoma|dural|arachnoid|parenchym|ventric|normal ct|fracture", re.I
)


def report(seed: int, cues: dict[str, bool], **options: object) -> str:
    return write_report(np.random.default_rng(seed), age=54, sex="F", cues=cues, **options)


def test_every_finding_has_two_cues() -> None:
    assert sorted(cue.finding for cue in CUES) == sorted(FINDINGS * 2)
    assert len(set(NAMES)) == 10


def test_no_wording_serves_two_ends() -> None:
    wordings = [wording for cue in CUES for wording in (*cue.present, *cue.absent)]
    assert len(set(wordings)) == len(wordings)
    assert not [(a, b) for a in wordings for b in wordings if a != b and a in b]


@pytest.mark.parametrize("seed", range(20))
def test_a_report_carries_the_value_of_every_cue(seed: int) -> None:
    values = np.random.default_rng(seed).random(len(CUES)) < 0.5
    text = report(seed, dict(zip(NAMES, values.tolist(), strict=True)))
    for cue, value in zip(CUES, values, strict=True):
        assert any(wording in text for wording in cue.present) == value, cue.name
        assert not (value and any(wording in text for wording in cue.absent)), cue.name


def test_reports_have_two_sections_the_age_and_no_answer() -> None:
    for seed in range(50):
        text = report(seed, dict.fromkeys(NAMES, seed % 2 == 0))
        assert re.fullmatch(r"INDICATION: .+\nHISTORY: .+", text)
        assert "54" in text
        assert not FORBIDDEN.search(text)


def test_absent_cues_are_sometimes_denied_and_sometimes_not_mentioned() -> None:
    texts = [report(seed, dict.fromkeys(NAMES, False)) for seed in range(200)]
    denied = sum("Normotensive." in text for text in texts)
    assert 70 <= denied <= 130


def test_wordings_and_order_vary() -> None:
    texts = {report(seed, dict.fromkeys(NAMES, True)) for seed in range(20)}
    assert len(texts) == 20


def test_a_leak_states_the_answer() -> None:
    none = dict.fromkeys(FINDINGS, 0.0)
    text = report(0, dict.fromkeys(NAMES, False), answer={**none, "subdural": 1.0, "epidural": 1.0})
    assert "Known epidural and subdural haemorrhage." in text
    assert "No intracranial haemorrhage." in report(0, dict.fromkeys(NAMES, False), answer=none)
