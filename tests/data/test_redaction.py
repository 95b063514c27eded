"""Reports with sections dropped and terms masked."""

from mmdx.config import ReportOptions
from mmdx.data.redaction import redacted

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
