"""Labels that cannot be learnt or contradict each other."""

from __future__ import annotations

from math import nan

from audited import store_facts

from mmdx.data.audit.issues import Issue
from mmdx.data.audit.labels import check_labels
from mmdx.data.audit.store_facts import StoreFacts

SOUND = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]


def found(given: StoreFacts) -> list[Issue]:
    return [one for one in check_labels(given) if one.kind != "prevalence" or one.severity != "note"]


def sentences(given: StoreFacts) -> str:
    return "\n".join(f"{one.severity}: {one.sentence}" for one in found(given))


def test_sound_labels_have_no_finding() -> None:
    assert found(store_facts(labels={"a": SOUND})) == []


def test_constant_missing_and_rare_labels() -> None:
    labels = {"a": SOUND, "never": [nan] * 6, "same": [0.0] * 6, "rare": [1.0, 0.0, *[nan] * 4]}
    said = sentences(store_facts(labels=labels))
    assert "warning: no study has a label for never; leave it out" in said
    assert "warning: one class only: same (always 0); leave it out" in said
    assert "note: mostly unlabelled: rare (67%)" in said


def test_slices_and_studies_that_contradict_each_other() -> None:
    positive = [[True], *[[False]] * 5]
    negative = [*[[False]] * 5, [True]]
    given = store_facts(labels={"a": SOUND}, slice_positive=positive, slice_negative=negative, study_ids=list("uvwxyz"))
    first, second = found(given)
    assert (first.rows, second.rows) == (("u",), ("z",))
    assert "a positive on an image, negative as a study: 1 study (u)" in first.sentence
    assert "a positive as a study, negative on every image: 1 study (z)" in second.sentence


def test_a_split_of_one_class_and_one_without_anybody() -> None:
    splits = ["train", "train", "test", "train", "train", "test"]
    said = sentences(store_facts(labels={"a": [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]}, splits=splits))
    assert "warning: no study in val; deal the patients anew" in said
    assert "warning: test has one class only of a; it cannot be scored there" in said


def test_a_split_unlike_the_rest() -> None:
    labels = [float(i % 2) if i < 60 else float(i % 10 == 0) for i in range(120)]
    splits = ["train" if i < 60 else "val" if i % 3 else "test" for i in range(120)]
    said = sentences(store_facts(labels={"a": labels}, splits=splits))
    assert "train is unlike the other splits: a 50%, else 10%" in said


def test_prevalences_by_split_and_group_are_counted() -> None:
    traits = [{"site": "A" if i < 10 else "B"} for i in range(20)]
    given = store_facts(labels={"a": [float(i < 5) if i else nan for i in range(20)]}, traits=traits)
    figures = check_labels(given)[-1].figures
    assert figures["groups"]["site"]["A"] == {"studies": 10, "a": {"positive": 4, "labelled": 9}}
    assert figures["splits"]["train"] == {"studies": 7, "a": {"positive": 1, "labelled": 6}}


def test_a_store_without_findings() -> None:
    given = store_facts(labels={"a": SOUND})
    assert "nothing to learn" in check_labels(_without_labels(given))[0].sentence


def _without_labels(given: StoreFacts) -> StoreFacts:
    from dataclasses import replace

    none = given.slice_positive[:, :0]
    return replace(given, findings=(), labels=given.labels[:, :0], slice_positive=none, slice_negative=none)
