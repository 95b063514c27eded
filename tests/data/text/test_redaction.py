"""Reports with sections dropped and terms masked."""

import pytest

from mmdx.config_file import parse_config
from mmdx.data.text.redaction import absent_sections, redacted, withheld
from mmdx.errors import UsageError
from mmdx.schema import ReportOptions

REPORT = (
    "CT head.\nINDICATION: Fall, on warfarin.\nFINDINGS: Acute subdural haematoma.\nIMPRESSION: Subdural; no fracture."
)


def test_nothing_asked_for_leaves_the_report() -> None:
    assert redacted(REPORT, ReportOptions()) == REPORT


def test_sections_are_kept_or_dropped_by_heading() -> None:
    kept = redacted(REPORT, ReportOptions(keep_sections=("indication",)))
    assert kept == "INDICATION: Fall, on warfarin."
    dropped = redacted(REPORT, ReportOptions(drop_sections=("findings", "impression")))
    assert dropped == "CT head.\nINDICATION: Fall, on warfarin."
    assert redacted(REPORT, ReportOptions(keep_sections=("history",))) == ""


def test_terms_are_masked_as_whole_words_in_any_case_the_longest_first() -> None:
    options = ReportOptions(mask=("subdural", "subdural haematoma", "fall"))
    assert redacted("Subdural haematoma after a FALL; subdurals fallen.", options) == (
        "[MASKED] after a [MASKED]; subdurals fallen."
    )


def test_what_is_withheld_is_told_in_words() -> None:
    assert withheld(ReportOptions()) == ""
    assert withheld(ReportOptions(keep_sections=("History", ""), mask=("subdural", "bleed"))) == (
        "sections other than 'history', what stands before any heading; the terms 'subdural', 'bleed'"
    )
    assert withheld(ReportOptions(drop_sections=("impression",))) == "the sections 'impression'"


def test_sections_that_no_report_has_are_named() -> None:
    options = ReportOptions(keep_sections=("history", ""), drop_sections=("findings", "impresion"))
    assert absent_sections([REPORT, "HISTORY: None."], options) == ["impresion"]
    assert absent_sections([], ReportOptions()) == []


def test_an_empty_term_is_refused() -> None:
    raw = {"data": {"store": "s", "reports": {"mask": ["bleed", " "]}}, "model": {"inputs": {"report": "x"}}}
    with pytest.raises(UsageError, match=r"data.reports.mask: .*an empty term would mask everywhere"):
        parse_config(raw, "c.yaml")


def test_terms_are_masked_in_any_script_and_spelling() -> None:
    options = ReportOptions(mask=("积液", "café"))
    assert redacted("左侧胸腔积液深。 Cafe\u0301 cafés", options) == "左侧胸腔[MASKED]深。 [MASKED] cafés"


def test_a_full_width_colon_ends_a_heading() -> None:
    options = ReportOptions(drop_sections=("impression",))
    assert redacted("FINDINGS\uff1a 胸水\nIMPRESSION\uff1a 有", options) == "FINDINGS: 胸水"
