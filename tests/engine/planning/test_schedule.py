"""How a plan is trained."""

from __future__ import annotations

from planning import BARE, CHEAP, cohort, gpu, machine, pictures

from mmdx.engine.planning.length import Length
from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.schedule import schedule_choices


def chosen(planned, on, length: Length, budget=(400, None)) -> dict:
    way = approaches(planned, on)[0]
    return {c.key: c for c in schedule_choices(planned, on, way, length, CHEAP, budget)}


def values(*arguments, **options) -> dict:
    return {key: choice.value for key, choice in chosen(*arguments, **options).items()}


LENGTH = Length(epochs=30, folds=5, refits=None, minutes=12.3, fits=True)


def test_descriptors_of_few_patients() -> None:
    assert values(cohort(), machine(), LENGTH) == {
        **{"train.epochs": 30, "train.lr": 0.002, "train.studies": 4, "train.slices": 400, "train.final": "auto"}
    }


def test_the_seconds_that_were_measured_are_said() -> None:
    reason = chosen(cohort(), machine(), LENGTH)["train.epochs"].reason
    assert reason == (
        "Timed here: 0.01 s for a study in a step, 0.01 s for an image that the frozen encoder sees once; about 12 "
        "minutes for all."
    )


def test_a_gpu_trains_in_half_precision_with_workers() -> None:
    found = values(cohort(patients=5000), gpu(), LENGTH, budget=(256, 100))
    assert (found["train.precision"], found["train.workers"]) == ("bf16", 2)
    assert (found["train.lr"], found["train.studies"], found["data.max_images"]) == (0.0003, 16, 100)


def test_a_tiny_encoder_bears_large_steps() -> None:
    assert values(cohort(), BARE, LENGTH)["train.lr"] == 0.002


def test_one_model_out_of_fold_where_time_is_short() -> None:
    short = Length(epochs=20, folds=5, refits=1, minutes=0.5, fits=True)
    found = chosen(cohort(), machine(), short)
    assert found["train.final"].value == {"type": "refit", "folds": 1}
    assert found["train.epochs"].reason.endswith("less than a minute for all.")


def test_reports_alone_have_no_images_in_a_batch() -> None:
    assert "train.slices" not in values(cohort(pictures={}), machine(), LENGTH)


def test_why_images_are_left_out_is_said() -> None:
    long = cohort(pictures={"image": pictures(longest=300)})
    choice = chosen(long, BARE, LENGTH, budget=(64, 64))["data.max_images"]
    assert choice.reason == "The longest study has 300 images, for which memory has no room."
