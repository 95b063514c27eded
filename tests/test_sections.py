"""The section of a training: its defaults, and what contradicts itself."""

from __future__ import annotations

import pydantic
import pytest

from mmdx.sections import OperatingPoint, Provenance, ReportOptions, TrainConfig, Unfreezing


def test_a_section_is_frozen_and_knows_its_keys() -> None:
    train = TrainConfig(epochs=3)
    assert (train.epochs, train.lr, train.judge) == (3, 1e-3, "studies")
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        train.epochs = 4  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        TrainConfig.model_validate({"epoch": 3})


def test_by_default_every_part_learns_at_one_rate_from_the_start() -> None:
    train = TrainConfig()
    assert set(train.rates.model_dump().values()) == {1.0}
    assert (train.layer_decay, train.unfreeze) == (1.0, Unfreezing(after=0.0, until=None))


def test_a_share_alone_says_after_which_an_encoder_learns() -> None:
    assert TrainConfig.model_validate({"unfreeze": 0.25}).unfreeze == Unfreezing(after=0.25)
    assert TrainConfig.model_validate({"unfreeze": {"until": 0.5}}).unfreeze == Unfreezing(after=0.0, until=0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"unfreeze": {"after": 0.5, "until": 0.25}}, "until is 0.25, before after, 0.5; give a later share"),
        ({"unfreeze": 1}, "less than 1"),
        ({"rates": {"encoder": 0}}, "greater than 0"),
        ({"layer_decay": 1.5}, "less than or equal to 1"),
    ],
)
def test_rates_that_cannot_be_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=message):
        TrainConfig.model_validate(wrong)


def test_an_operating_point_is_just_one_of_three() -> None:
    point = OperatingPoint.model_validate({"sensitivity": 0.95, "threshold": None})
    assert (point.of, str(point)) == (("sensitivity", 0.95), "sensitivity 0.95")
    for wrong in ({}, {"sensitivity": 0.9, "specificity": 0.9}):
        with pytest.raises(pydantic.ValidationError, match="give one of sensitivity, specificity and threshold"):
            OperatingPoint.model_validate(wrong)


@pytest.mark.parametrize(
    ("made_from", "reports", "what"),
    [
        (("report",), {}, "the report"),
        (("report",), {"drop_sections": ["impression"]}, "the report"),
        (("impression",), {}, "the impression of the report"),
        (("impression", "findings"), {}, "the impression and the findings of the report"),
        (("impression",), {"drop_sections": ["Impression"]}, None),
        (("impression",), {"keep_sections": ["indication"]}, None),
        (("images", "pathology"), {}, None),
        ((), {}, None),
    ],
)
def test_what_of_a_text_made_the_labels_and_is_read(
    made_from: tuple[str, ...], reports: dict, what: str | None
) -> None:
    stated = Provenance(labels_from=made_from)
    assert stated.made_labels("report", ReportOptions.model_validate(reports)) == what


def test_a_text_was_known_before_where_all_that_is_read_of_it_was() -> None:
    stated, kept = Provenance(before=("indication", "notes")), {"keep_sections": ("indication",)}
    assert stated.known_before("notes", ReportOptions())
    assert stated.known_before("report", ReportOptions(**kept))
    assert not stated.known_before("report", ReportOptions())
    assert not stated.known_before("report", ReportOptions(keep_sections=("indication", "findings")))
    with pytest.raises(pydantic.ValidationError, match="'age' stands in before and in after"):
        Provenance(before=("age",), after=("age",))
