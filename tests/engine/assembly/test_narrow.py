"""A config with fewer inputs is an ordinary config, and says what went with them."""

from __future__ import annotations

from typing import Any

import pytest

from mmdx.config_file import parse_config
from mmdx.engine.assembly.narrow import described_inputs, level_of, narrow, only_describes
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import UsageError
from mmdx.schema import Component, Config

INPUTS = {"image": "timm", "report": "bilstm_attention", "clinic": "table_mlp"}


def config_of(*, train: dict[str, Any] | None = None, first: dict[str, Any] | None = None, **model: Any) -> Config:
    data = {"store": "s", "tables": {"clinic": ["age"]}}
    raw = {"data": data, "model": {"inputs": INPUTS, **model}, "train": train or {}, "first": first, "run": "r"}
    return resolve(parse_config(raw, "test"))


def test_with_all_inputs_only_the_run_folder_goes() -> None:
    config = config_of(modality_dropout=0.3)
    side = narrow(config, list(INPUTS))
    assert (side.config, side.notes) == (config.model_copy(update={"run": None}), ())


def test_tables_and_rates_go_with_their_input() -> None:
    side = narrow(config_of(modality_dropout={"report": 0.5, "clinic": 0.2}), ["image", "report"])
    assert list(side.config.model.inputs) == ["image", "report"]
    assert side.config.data.tables == {}
    assert side.config.model.modality_dropout == {"report": 0.5}


def test_a_lone_input_is_never_withheld() -> None:
    assert narrow(config_of(modality_dropout=0.3), ["report"]).config.model.modality_dropout == 0.0


def test_slices_without_images_judge_nothing() -> None:
    config = config_of(heads={"study": "study", "slice": "slice"}, train={"judge": "slices"})
    side = narrow(config, ["report"])
    assert list(side.config.model.heads) == ["study"]
    assert side.config.train.judge == "studies"
    assert side.notes == (
        "heads.slice (slice) is left out: it asks for image or clinic",
        "train.judge is studies: no slice head is left",
    )


def test_a_first_stage_that_describes_nothing_goes() -> None:
    inputs = INPUTS | {"image": "mlp"}
    config = config_of(inputs=inputs, first={"model": {"inputs": {"image": "timm"}, "heads": {"study": "study"}}})
    assert narrow(config, ["image", "report"]).config.first == config.first
    side = narrow(config, ["report"])
    assert (side.config.first, side.notes) == (None, ("first is left out: it describes nothing that is read",))


def test_without_a_head_for_studies_there_is_no_such_config() -> None:
    config = config_of(heads={"slice": "slice"}, train={"judge": "slices"})
    with pytest.raises(UsageError, match=r"^no head answers for studies from image \(left: slice\); add one"):
        narrow(config, ["image"])
    with pytest.raises(UsageError, match=r"^no head answers for studies from report; add one to model\.heads"):
        narrow(config, ["report"])


@pytest.mark.parametrize("level", ["study", "slice"])
def test_what_a_head_answers_about(level: str) -> None:
    assert level_of(Component(type=level)) == level


def test_a_first_stage_of_frozen_encoders_without_logits_only_describes() -> None:
    frozen = {"encoder": {"type": "timm", "frozen": True}}

    def described(image: Any = frozen, head: str = "study", folds: int | None = 2) -> Config:
        heads = {"study": "study", head: head}
        first = {"model": {"inputs": {"image": image, "report": "tfidf"}, "heads": heads}, "folds": folds}
        inputs = {"image": "plain", "report": "bilstm_attention"}
        raw = {"data": {"store": "s"}, "model": {"inputs": inputs}, "first": first}
        return resolve(parse_config(raw, "test"))

    assert described_inputs(described()) == ["image"]
    assert only_describes(described())
    assert only_describes(described(head="slice", folds=None))
    assert not only_describes(described(head="slice"))
    assert not only_describes(described(image="timm"))
    assert not only_describes(config_of())
    assert described_inputs(config_of()) == []


def test_without_slices_a_head_that_stands_on_them_answers_from_the_fused_vector() -> None:
    config = config_of(heads={"study": {"type": "study", "slices": "noisy_or", "fused": False}})
    assert narrow(config, ["image"]).config.model.heads == config.model.heads
    side = narrow(config, ["report"])
    assert side.config.model.heads["study"] == resolve(config_of()).model.heads["study"]
    assert side.notes == ("heads.study blends nothing in: there are no images or descriptors",)
