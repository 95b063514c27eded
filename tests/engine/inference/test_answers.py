"""The answers for the studies of one source, as a sequence."""

from __future__ import annotations

import pytest

from mmdx.engine.inference.answers import Refused
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
