"""Terms that state a finding: the shipped ones, those of a user, and what they find."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.data.audit.lexicon import Terms, read_lexicon, stated
from mmdx.data.audit.negation import words
from mmdx.errors import UsageError


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ("Acute SDH on the left.", 1.0),
        ("No subdural haematoma.", 0.0),
        ("No SDH before; now subdural blood.", 1.0),
        ("Normal CT", 0.0),
        ("Fell down the stairs.", None),
        ("subdurally", None),
    ],
)
def test_a_report_states_denies_or_is_silent(report: str, says: float | None) -> None:
    assert stated(words(report), Terms(("subdural", "SDH"), ("normal CT",))) == says


def test_the_shipped_lexicon_knows_bleeds_by_any_case_and_class() -> None:
    lexicon = read_lexicon()
    assert "SDH" in lexicon.terms("SDH").present
    assert lexicon.terms("DIAG/MEL") == lexicon.terms("melanoma")
    assert lexicon.terms("any").absent[0] == "normal ct"


def test_a_finding_without_an_entry_is_known_by_its_name() -> None:
    assert read_lexicon().terms("Rib_Lesion") == Terms(("rib lesion",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- bleed\n", "expected findings with their terms; found list"),
        ("bleed: [1]\n", "bleed: expected a list of terms"),
        ("bleed: {seen: [x]}\n", "bleed: unknown key 'seen'; use present and absent"),
        ("bleed: [\n", ":2: not YAML"),
        ("bleed: [a]\nmass: [b]\nbleed: [c]\n", ":3: key 'bleed' stands in line 1 already; remove one"),
        ("SDH: [a]\nsdh: [b]\n", "sdh: has an entry already in another case; join the two"),
    ],
)
def test_a_file_that_is_no_lexicon(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "l.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_lexicon(tmp_path / "l.yaml")
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_lexicon_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_lexicon(tmp_path / "none.yaml")
