"""A model folder as it may be given away: the same answers, no paths, no word of one patient."""

from __future__ import annotations

import pytest
from shared_run import SITE, write_shared_run
from strange_model import answer, write_model

from mmdx.config_file import parse_config
from mmdx.engine.assembly.saved import load_description, load_model, write_description, write_ensemble
from mmdx.engine.sharing.clean import clean_config, is_path, lone_folders, write_clean
from mmdx.errors import DataError, UsageError
from mmdx.schema import Component


def config_of(**model):
    data = {"reader": "folder", "source": "/home/me/raw", "pseudonym_key": "/home/me/key", "reports": {"mask": ["a/b"]}}
    return parse_config({"data": data, "model": {"inputs": {"image": {"encoder": "timm", **model}}}}, "test")


def test_places_of_data_go_and_what_the_model_needs_stays():
    clean = clean_config(config_of())
    assert (clean.data.store.as_posix(), clean.data.source, clean.data.reader) == ("store", None, None)
    assert (clean.data.pseudonym_key, clean.run) == (None, None)
    assert clean.data.reports.mask == ("a/b",)


@pytest.mark.parametrize(
    ("start", "kept"),
    [("/home/me/w.safetensors", None), ("w.pth", None), ("a/b/c", None), ("hub", "hub"), ("my_weights", "my_weights")],
)
def test_weights_are_named_where_they_are_no_path(start, kept):
    clean = clean_config(config_of(encoder={"type": "timm", "name": "resnet18", "pretrained": start}))
    assert clean.model.inputs["image"].encoder.options["pretrained"] == kept


def test_a_name_of_the_hub_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not is_path("org/bert")
    (tmp_path / "org" / "bert").mkdir(parents=True)
    assert is_path("org/bert")


def test_a_path_that_a_part_may_need_is_refused_with_its_key():
    with pytest.raises(UsageError, match=r"^model\.inputs\.image\.sequence\.words: is a path of this machine"):
        clean_config(config_of(sequence={"type": "lstm", "words": "/home/me/words.txt"}))


def test_a_model_that_writes_reports_is_refused(tmp_path):
    config, facts, tokenizers = load_description(write_model(tmp_path / "model"))
    heads = {**config.model.heads, "text": Component(type="description")}
    changed = config.model_copy(update={"model": config.model.model_copy(update={"heads": heads})})
    write_description(tmp_path / "model", changed, facts, tokenizers)
    with pytest.raises(UsageError, match=r"model\.heads\.text: writes reports, .* word for word"):
        write_clean(tmp_path / "model", tmp_path / "out", None)


def test_it_answers_as_before_alone_and_as_an_ensemble(tmp_path):
    model = write_model(tmp_path / "model")
    write_clean(model, tmp_path / "clean", None)
    assert answer(load_model(tmp_path / "clean")) == answer(load_model(model))
    write_ensemble(tmp_path / "both", [model, model])
    write_clean(tmp_path / "both", tmp_path / "clean-both", None)
    assert answer(load_model(tmp_path / "clean-both")) == answer(load_model(tmp_path / "both"))
    assert len(list(lone_folders(tmp_path / "clean-both"))) == 2


def test_what_is_sealed_is_sealed_anew(tmp_path):
    write_clean(write_model(tmp_path / "model"), tmp_path / "clean", None)
    (tmp_path / "clean" / "calibration.json").unlink()
    with pytest.raises(DataError, match=r"calibration\.json: missing"):
        load_model(tmp_path / "clean")


def test_words_of_one_patient_go_and_their_places_stay(tmp_path):
    run = write_shared_run(tmp_path)
    write_clean(run / "checkpoints" / "best", tmp_path / "clean", {"site": {"north clinic": 2, SITE: 1}, "age": {}})
    columns = load_description(tmp_path / "clean")[1].inputs["clinic"].columns
    assert columns[1].words == ("north clinic", "[rare 1]")
    assert columns[1].shares == (0.7, 0.3)
    write_clean(run / "checkpoints" / "best", tmp_path / "left-out", {"age": {}})
    assert load_description(tmp_path / "left-out")[1].inputs["clinic"].columns[1].words == ("[rare 0]", "[rare 1]")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    model = write_model(tmp_path / "model")
    (tmp_path / "elsewhere").write_text("{}")
    (model / "stack.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link out of"):
        write_clean(model, tmp_path / "clean", None)
