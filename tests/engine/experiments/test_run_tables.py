"""Traits as a modality, from config to answer: fitted on training studies, withheld, asked for without a store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from tiny import SIDE, write_cohort

from mmdx.config_file import read_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.experiments.run import train
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.scoring.evaluate import evaluate_run
from mmdx.errors import UsageError
from mmdx.study import Study


def write_traits(root: Path) -> Path:
    """The tiny cohort with an age and a sex; every fourth study has neither, every third no age."""
    write_cohort(root)
    lines = (root / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for i, row in enumerate(rows):
        row |= {"age": f"{40 + i:03d}Y" if i % 3 else "", "sex": "FM"[i // 2 % 2]} if i % 4 else {"age": "", "sex": ""}
    (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return root


def write_config(path: Path, source: Path, tables: object, clinic: object = "table_mlp", **model: object) -> Path:
    config = {
        "data": {"reader": "folder", "source": str(source), "stores": str(path.parent / "stores"), "size": SIDE},
        "model": {"inputs": {"image": {"encoder": "test_patches"}, "clinic": clinic}, "dim": 8, **model},
        "train": {"epochs": 1, "slices": 12, "studies": 6, "final": "best"},
        "run": str(path.parent / "run"),
        "plugins": ["patches"],
    }
    config["data"] |= {"tables": tables, "findings": ["bleed"]}
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort (`raw`) and a run on it (`run`)."""
    home = tmp_path_factory.mktemp("tables")
    heads = {"study": {"type": "study", "loss": {"type": "bce", "class_weights": "balanced"}}}
    config = write_config(home / "c.yaml", write_traits(home / "raw"), {"clinic": ["age", "sex"]}, heads=heads)
    train(resolve(read_config(config)), name="c", console=Console(quiet=True))
    return home


def test_the_table_is_fitted_on_training_studies_and_kept_with_the_model(trained: Path) -> None:
    facts = json.loads((trained / "run" / "checkpoints" / "best" / "model.json").read_text(encoding="utf-8"))
    splits = pd.read_csv(trained / "run" / "splits.csv")
    numbers = [int(study[1:]) for study in splits.study_id[splits.split == "train"]]
    ages = [40 + i for i in numbers if i % 4 and i % 3]
    age, sex = facts["inputs"]["clinic"]["columns"]
    assert (age["name"], age["gaps"]) == ("age", True)
    assert age["mean"] == pytest.approx(np.mean(ages))
    assert age["sd"] == pytest.approx(np.std(ages))
    assert (sex["words"], sex["gaps"]) == (["f", "m"], False)
    assert facts["prevalence"] == {"study": [pytest.approx(np.mean([i % 2 for i in numbers]))]}


def test_a_saved_model_has_its_columns_and_its_weights_again(trained: Path) -> None:
    saved = load_model(trained / "run" / "checkpoints" / "best")
    columns = saved.facts.tables()["clinic"].columns
    assert [column.name for column in columns] == ["age", "sex"]
    share = saved.facts.prevalence["study"][0]
    assert saved.model.heads["study"].criterion.positive.item() == pytest.approx(1 / (2 * share))


def test_scores_with_and_without_the_table(trained: Path) -> None:
    table = pd.read_csv(trained / "run" / "predictions" / "test.csv")
    assert set(table["shown"]) == {"image+clinic", "image", "clinic"}
    scores = table.pivot(index="study_id", columns="shown", values="score")
    lacking = np.array([int(study[1:]) % 4 == 0 for study in scores.index])
    assert lacking.any()
    assert not lacking.all()
    same = np.isclose(scores["image+clinic"], scores["image"], atol=1e-6)
    assert same[lacking].all()
    assert not same[~lacking].any()
    path = evaluate_run(trained / "run", "val", [("clinic",)], trained / "again")
    assert set(pd.read_csv(path)["shown"]) == {"clinic"}


@pytest.mark.parametrize(
    ("traits", "missing", "problems"),
    [
        ({"age": "063Y", "sex": "M"}, [], []),
        ({"age": 63.0}, [], ["clinic: without sex"]),
        ({"age": "sixty", "sex": "M"}, [], ["clinic: without age ('sixty' is not known)"]),
    ],
)
def test_a_study_is_answered_from_its_traits(trained, traits, missing, problems) -> None:
    saved = load_model(trained / "run" / "checkpoints" / "best")
    result = predict_study(saved, Study("s", "p", {}, traits=traits))
    assert (result.shown, result.missing, result.problems) == ("clinic", ("image",), tuple(problems))
    assert 0 < result.findings["bleed"] < 1


def test_an_age_says_the_same_as_a_number_and_as_text(trained: Path) -> None:
    saved = load_model(trained / "run" / "checkpoints" / "best")
    asked = [{"age": 63.0, "sex": "m"}, {"age": "063Y", "sex": " M"}, {"age": 23.0, "sex": "m"}]
    first, second, third = (
        predict_study(saved, Study("s", "p", {}, traits=traits)).findings["bleed"] for traits in asked
    )
    assert first == second != third


def refusals(config: Path) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        resolve(read_config(config))
    return caught.value.problems


@pytest.mark.parametrize(
    ("tables", "clinic", "line"),
    [
        (
            {},
            "table_mlp",
            "model.inputs.clinic: 'table_mlp' reads traits; name them, such as data.tables.clinic=[age,sex]",
        ),
        (
            {"clinic": ["age"]},
            "mlp",
            "model.inputs.clinic: 'mlp' reads vectors, but data.tables makes 'clinic' of traits; take table_mlp",
        ),
    ],
)
def test_an_input_and_its_table_must_agree(tmp_path, tables, clinic, line) -> None:
    assert refusals(write_config(tmp_path / "c.yaml", tmp_path, tables, clinic)) == (line,)


@pytest.mark.parametrize(
    ("traits", "line"),
    [
        ([], "clinic names no trait; list each of its traits once"),
        (["age", "age"], "clinic names a trait twice; list each of its traits once"),
        (
            ["age", "log_odds/image/any"],
            "clinic: 'log_odds/image/any' is no fact about a patient, and no input; leave it out",
        ),
        (["series_digest"], "clinic: 'series_digest' is no fact about a patient, and no input; leave it out"),
    ],
)
def test_what_no_table_may_name(tmp_path, traits, line) -> None:
    (found,) = refusals(write_config(tmp_path / "c.yaml", tmp_path, {"clinic": traits}))
    assert found == f"{tmp_path / 'c.yaml'}: data.tables: {line}"


def test_a_table_clashes_with_no_modality_and_names_traits_that_there_are(trained, tmp_path) -> None:
    (folder,) = (trained / "stores").iterdir()
    store = Store(folder)
    inputs = {"image": "test_patches", "clinic": "table_mlp", "report": "table_mlp"}
    tables = {"clinic": ["agee"], "report": ["age"]}
    config = resolve(read_config(write_config(tmp_path / "c.yaml", trained / "raw", tables, inputs=inputs)))
    with pytest.raises(UsageError) as caught:
        facts_of(config, store, {}, [1, 2])
    assert caught.value.problems == (
        "data.tables.clinic: no study has a trait 'agee'; did you mean 'age'? known: age, sex",
        f"data.tables.report: {folder} holds a modality of this name; choose another for the table",
    )
