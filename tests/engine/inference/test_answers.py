"""The answers for the studies of one source, as a sequence."""

from __future__ import annotations

import pytest

from mmdx.engine.inference.answers import Refused, Standing
from mmdx.engine.inference.explanation import Explanation, Explanations
from mmdx.errors import DataError

ONE, TWO = Explanation("s1", "ct", {}, None), Explanation("s2", "ct", {}, None, number=2)


def test_answers_are_a_sequence_that_counts_the_refused():
    answers = Explanations([ONE, TWO], [str(Refused("s3", "no images"))])
    assert (len(answers), answers[1], list(answers)) == (2, TWO, [ONE, TWO])
    assert answers.refused == ("refused: s3: no images",)
    assert repr(answers) == "Explanations(2 answered, 1 refused)"
    answers.check()


def test_no_answer_at_all_is_an_error_with_one_line_per_study():
    with pytest.raises(DataError) as caught:
        Explanations([], ["refused: a: x", "refused: b: y"]).check()
    assert list(caught.value.problems) == ["refused: a: x", "refused: b: y"]
    Explanations([]).check()
    assert Explanations([]).frame().empty


def test_images_unlike_those_of_training_are_warned_of_in_one_line_before_all_else():
    standing = Standing(calibrated=True, prevalence={"bleed": 0.5}, apart={"ct": 4.25, "mr": 1.0})
    told = "4.2 times as far from them as 95% of validation patients are at most"
    assert standing.meaning == [
        f"warning: ct is unlike the training images ({told}); do not rely on these scores",
        "prevalence: among training studies",
    ]
    assert standing.to_json()["apart"] == {"ct": 4.25, "mr": 1.0}
    assert Standing().to_json() == {"calibrated": False}
