"""What a comparison says of the settings of its variants."""

from mmdx.stats.cohort.chances import Chances, TriedVariant
from mmdx.stats.sections.chances import chances_section

SETTINGS = (
    {"lr_factor": 1.0, "weight_decay": None, "dropout": None},
    {"lr_factor": 3.0, "weight_decay": 0.1, "dropout": 0.5},
)


def test_equal_chances_by_hand():
    variants = {"fusion": TriedVariant("auroc", (0.8, 0.9), 2), "only-image": TriedVariant("auroc", (0.7, None), 1)}
    section = chances_section(Chances("tiny", SETTINGS, variants))
    assert section.sentences == (
        "Every variant had the same 2 settings to try, chosen by validation and never by test; those of tiny itself "
        "stayed for only-image.",
    )
    (sheet,) = section.sheets
    assert sheet.header == ("settings", "fusion", "only-image")
    assert sheet.rows == (
        ("1: those of tiny", "0.800", "0.700 (chosen)"),
        ("2: learning rate × 3, weight decay 0.1, dropout 0.5", "0.900 (chosen)", "undefined"),
    )
    assert section.record["variants"]["fusion"]["chosen"] == 2


def test_no_tries_are_said_to_be_none():
    section = chances_section(Chances("tiny"))
    assert section.sentences[0].startswith("All variants have the settings of tiny, which may suit some of them better")
    assert section.sheets == ()
