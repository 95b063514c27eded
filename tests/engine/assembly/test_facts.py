"""What a model knows of its store, and where a config and a store disagree."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path
from typing import Any

import pytest
from cohorts import folder_cohort, prepared, write_png, write_table
from parts import FACTS
from parts import config_of as two_inputs
from PIL import Image

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.facts import ModelFacts, facts_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.model_files.facts_file import parse_facts
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.texts import build_tokenizers
from mmdx.errors import UsageError
from mmdx.models.facts import InputFacts
from mmdx.schema import Config
from mmdx.study import Column, Terms


def config_of(store: Store, tables: dict[str, list[str]] | None = None, **inputs: str) -> Config:
    data = {"store": str(store.folder), "tables": tables or {}}
    return resolve(parse_config({"data": data, "model": {"inputs": inputs}}, "test"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = tmp_path_factory.mktemp("facts")
    return prepared(folder_cohort(home / "raw"), home / "store")


def test_facts_are_of_the_training_rows(store: Store) -> None:
    """Studies 1 and 2 say "Fell n times.", study 2 does not bleed, study 5 does, and of study 1 nobody knows."""
    config = config_of(store, {"clinic": ["age"]}, image="timm", report="tfidf", clinic="table_mlp")
    rows = [1, 2, 5]
    facts = facts_of(config, store, build_tokenizers(config, store, rows), rows)
    assert (facts.findings, facts.size, facts.first) == (("bleed",), 8, None)
    assert facts.prevalence == {"study": (0.5,)}
    assert facts.inputs["image"] == InputFacts("images")
    # padding, the unknown word, and three that all reports have
    assert facts.inputs["report"] == InputFacts("text", vocabulary=5, idf=(0.0, 0.0, 1.0, 1.0, 1.0))
    (age,) = facts.inputs["clinic"].columns
    assert (age.name, age.mean, age.gaps) == ("age", pytest.approx((41 + 42 + 45) / 3), False)
    assert list(facts.tables()) == ["clinic"]


def test_an_encoder_that_asks_for_terms_gets_those_of_the_training_reports(store: Store) -> None:
    config = config_of(store, report="bag_and_sequence")
    tokenizers = build_tokenizers(config, store, [1, 2, 5])
    terms = facts_of(config, store, tokenizers, [1, 2, 5]).inputs["report"].terms
    assert terms is not None
    words = [tokenizers["report"].words([at])[0] for at, rarity in enumerate(terms.words) if rarity]
    assert sorted(words) == ["fell", "times"]  # the number between them is known in none, and parts them
    assert [tokenizers["report"].words(pair) for pair in terms.pairs] == [["times", "."]]


def test_windows_are_not_for_colour(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(write_png(tmp_path / "raw" / "a.png", 0))
    rows = [{"study_id": f"s{i}", "file_name": "a.png", "bleed": i % 2} for i in range(10)]
    store = prepared(write_table(tmp_path / "raw", rows), tmp_path / "store")
    inputs = {"image": {"encoder": "timm", "view": "windows"}}
    config = resolve(parse_config({"data": {"store": str(store.folder)}, "model": {"inputs": inputs}}, "test"))
    with pytest.raises(UsageError, match=r"model\.inputs\.image\.view: windows are for Hounsfield units, and 'image'"):
        facts_of(config, store, {}, [1, 2])


def test_facts_come_back_from_json() -> None:
    column = Column("sex", words=("f", "m"), shares=(0.5, 0.5), gaps=True)
    inputs = {
        "clinic": InputFacts("tabular", columns=(column,)),
        "report": InputFacts("text", vocabulary=2, idf=(0.0, 1.5)),
    }
    inputs["note"] = InputFacts("text", vocabulary=3, terms=Terms((0.0, 1.5, 1.0), ((1, 1), (1, 2)), (1.0, 2.0)))
    facts = ModelFacts(("bleed",), 8, inputs, {"study": (0.5,)}, {"report": 5}, "ab")
    assert parse_facts(json.loads(json.dumps(facts.to_json())), "model.json") == facts
    assert "terms" not in facts.to_json()["inputs"]["report"]


def test_a_share_of_nothing_is_null_in_json() -> None:
    raw = ModelFacts(("bleed",), 8, prevalence={"study": (nan,)}).to_json()
    assert raw["prevalence"] == {"study": [None]}
    (share,) = parse_facts(raw, "model.json").prevalence["study"]
    assert share != share


@pytest.mark.parametrize(
    ("inputs", "tables", "lines"),
    [
        (
            {"image": "mlp", "report": "timm"},
            {},
            (
                "model.inputs.image: 'mlp' reads vectors, but 'image' is stored as images",
                "model.inputs.report: 'timm' reads images, but 'report' is stored as text",
            ),
        ),
        (
            {"image": "table_mlp"},
            {"image": ["age"]},
            ("data.tables.image: {store} holds a modality of this name; choose another for the table",),
        ),
        ({"imge": "timm"}, {}, ("model.inputs.imge: no such modality in {store}; did you mean 'image'?",)),
    ],
)
def test_config_and_store_disagree(store: Store, inputs: Any, tables: Any, lines: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        facts_of(config_of(store, tables, **inputs), store, {}, [0])
    problems = caught.value.problems
    assert len(problems) == len(lines)
    for problem, line in zip(problems, lines, strict=True):
        assert problem.startswith(line.format(store=store.folder))


def test_a_built_model_adds_architectures_that_can_be_taken_away_again() -> None:
    built = build_model(two_inputs(), FACTS)[1]
    assert built.inputs["report"].architecture == {}
    assert built.unbuilt() == FACTS
