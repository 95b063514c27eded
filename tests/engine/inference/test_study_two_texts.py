"""A model of two texts: each text of a study goes to its own input, and a file of `--report` to the one it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdx.config_file import parse_config
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.reports import read_reports
from mmdx.engine.inference.study import read_study
from mmdx.errors import UsageError
from mmdx.models.facts import InputFacts
from mmdx.study import Study

TEXTS = {"history": "fall on the head", "findings": "no blood is seen"}


def model_of(*names: str) -> SavedModel:
    """An untrained model of these texts; each has the words of its own line in `TEXTS`."""
    encoder = {"encoder": {"type": "bilstm_attention", "embedding": 8, "hidden": 8}}
    raw = {"data": {"store": "unused"}, "model": {"inputs": dict.fromkeys(names, encoder), "dim": 16}}
    config = resolve(parse_config(raw, "test"))
    tokenizers = {name: fit_tokenizer([TEXTS[name]] * 2, max_tokens=16) for name in names}
    inputs = {name: InputFacts("text", vocabulary=tokenizers[name].vocabulary) for name in names}
    model, facts = build_model(config, ModelFacts(("bleed",), 32, inputs))
    return SavedModel(model.eval(), config, facts, tokenizers)


def tokens(saved: SavedModel, study: Study, **reports: str) -> dict[str, list[int]]:
    """What each input of the model is shown of a study."""
    batch = read_study(saved, study, reports=reports).batch
    return {name: batch.inputs[name].values.tolist() for name in saved.facts.inputs if bool(batch.present(name)[0])}


def by_hand(saved: SavedModel, **texts: str) -> dict[str, list[int]]:
    return {name: np.asarray(saved.tokenizers[name](text)).tolist() for name, text in texts.items()}


@pytest.mark.parametrize("names", [("history", "findings"), ("findings",), ("history",)])
def test_each_text_goes_to_its_own_input(names):
    saved = model_of("history", "findings")
    texts = {name: TEXTS[name] for name in names}
    assert tokens(saved, Study("s", "p", texts)) == by_hand(saved, **texts)


def test_a_report_is_read_in_place_of_its_own_text_alone():
    saved = model_of("history", "findings")
    found = tokens(saved, Study("s", "p", TEXTS), findings="blood")
    assert found == by_hand(saved, history=TEXTS["history"], findings="blood")


def test_the_one_text_of_a_study_goes_to_the_only_text_input():
    saved = model_of("findings")
    assert tokens(saved, Study("s", "p", {"report": "blood"})) == by_hand(saved, findings="blood")
    both = Study("s", "p", {"report": "blood", "findings": "no blood"})
    assert tokens(saved, both) == by_hand(saved, findings="no blood")
    assert read_study(saved, both).problems == ["text 'report' is not read: the model reads findings"]


def test_a_text_that_could_be_for_either_input_is_read_by_none():
    saved = model_of("history", "findings")
    read = read_study(saved, Study("s", "p", {"findings": "blood", "report": "fall"}))
    assert read.problems == ["text 'report' is not read: the model reads history, findings"]


def test_files_are_named_where_there_are_several_texts(tmp_path: Path):
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    saved = model_of("history", "findings")
    assert read_reports(saved, [f"{name}={tmp_path / name}.txt" for name in TEXTS]) == TEXTS
    file = tmp_path / "findings.txt"
    for given, line in (
        (
            [f"{file}"],
            f"--report {file}: the model reads several texts (history, findings); say which, such as --report "
            f"history={file}",
        ),
        (
            [f"findngs={file}"],
            f"--report findngs={file}: the model reads no text 'findngs'; did you mean 'findings'? "
            "known: findings, history",
        ),
        (
            [f"findings={file}"] * 2,
            f"--report findings={file}: 'findings' is given twice; give one file per text",
        ),
        ([f"findings={file}s"], f"--report {file}s: no such file"),
    ):
        with pytest.raises(UsageError) as refused:
            read_reports(saved, given)
        assert list(refused.value.problems) == [line]


def test_the_only_text_needs_no_name(tmp_path: Path):
    saved, file = model_of("findings"), tmp_path / "a=b.txt"
    file.write_text("blood")
    assert read_reports(saved, [str(file)]) == read_reports(saved, [f"findings={file}"]) == {"findings": "blood"}
    with pytest.raises(UsageError, match="this model reads no text; leave the option out"):
        read_reports(replace(saved, facts=replace(saved.facts, inputs={})), [str(file)])
