"""A run goes to a Hub on loopback: what is sent is what was packed, and nothing in it tells of anybody."""

from __future__ import annotations

import shutil
from contextlib import nullcontext

import pytest
from fake_hub import Repository, serving
from shared_run import PATIENT, PLANTED, bytes_of, write_shared_run

from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.saved import load_description, load_model, write_description
from mmdx.engine.sharing import push as pushing
from mmdx.engine.sharing.card import Benchmark
from mmdx.engine.sharing.fetch import local_model
from mmdx.engine.sharing.push import Terms, pack, push
from mmdx.errors import DataError, UsageError
from mmdx.files import ModelLayout

KEPT = {"README.md", "calibration.json", "config.yaml", "model.json", "model.safetensors"}
KEPT |= {f"tokenizers/report/{name}.json" for name in ("tokenizer", "length")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_shared_run(tmp_path_factory.mktemp("push"))


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with serving(monkeypatch, tmp_path / "cache") as hub:
        yield hub


def test_nothing_of_a_patient_or_of_this_machine_is_in_any_byte(hub, run):
    pushed = push(run, "mine/head-ct", Terms("mit", benchmark=Benchmark("org/ct")))
    there = hub.repositories["mine/head-ct"]
    assert there.private
    assert set(there.files) == set(pushed.files) >= KEPT
    assert {name for name in there.files if name not in KEPT} == {
        f".eval_results/org_ct_{shown}.yaml" for shown in ("image+report+clinic", "image")
    }
    whole = bytes_of(there.files).lower()
    for told in (*PLANTED, str(run.parent), "pseudonym_key: /", "s-0001"):
        assert told.lower().encode() not in whole, told
    assert b"blood" in whole  # a word of several patients: the vocabulary is there
    assert pushed.address == f"{hub.endpoint}/mine/head-ct"


def test_what_comes_back_is_the_model(hub, run):
    push(run, "mine/head-ct", Terms())
    back = load_model(local_model("mine/head-ct"))
    own = load_model(run / "checkpoints" / "best")
    assert {name: value.sum() for name, value in back.model.state_dict().items()} == {
        name: value.sum() for name, value in own.model.state_dict().items()
    }
    assert back.model.answering["study"].calibration is not None


def test_a_dry_run_asks_nobody(hub, run):
    pushed = push(run, "mine/head-ct", Terms(), dry=True)
    assert pushed.address is None
    assert hub.asked == []
    assert set(pushed.files) == KEPT
    assert pushed.files["README.md"] > 1000
    assert any(note.startswith("licence: unknown") for note in pushed.notes)
    assert "model.json holds the words of site; those of one patient alone are taken out" in pushed.notes


def test_a_second_push_leaves_nothing_of_the_first(hub, run):
    there = hub.repositories["mine/head-ct"] = Repository(private=True)
    there.files |= {"model.json": b"{}", "members/0/model.safetensors": b"", "notes.md": b"of the owner"}
    push(run, "mine/head-ct", Terms())
    assert set(there.files) == KEPT | {"notes.md"}


def test_where_it_may_not_go_is_one_line(hub, run, monkeypatch, tmp_path):
    parcel = pack(run, tmp_path / "out", "mine/head-ct", Terms())
    monkeypatch.setattr(pushing, "packed", lambda *_, **__: nullcontext(parcel))
    hub.repositories["mine/bert"] = Repository(private=True, files={"config.json": b"{}"})
    hub.repositories["mine/open"] = Repository(private=False, files={"README.md": b""})
    hub.repositories["other/head-ct"] = Repository(private=True)
    hub.repositories["other/open"] = Repository(private=False)
    for name, terms, words in (
        ("mine/bert", Terms(), "holds something else than a model of mmdx"),
        ("mine/open", Terms(), "is public already; add --public"),
        ("other/new", Terms(), "you may not write there"),
        ("other/head-ct", Terms(), "you may not write there"),
        ("other/open", Terms(public=True), "you may not write there"),
        ("no name", Terms(), "is no name of the Hub"),
    ):
        with pytest.raises(UsageError) as refused:
            push(run, name, terms)
        assert words in str(refused.value), name
        assert len(refused.value.problems) == 1
    push(run, "mine/open", Terms(public=True))
    assert not hub.repositories["mine/open"].private
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UsageError, match="the Hub does not know you on this machine; run `hf auth login`"):
        push(run, "mine/head-ct", Terms())


def test_a_model_folder_alone_says_less(run, tmp_path):
    parcel = pack(run / "checkpoints" / "best", tmp_path / "out", "mine/head-ct", Terms())
    text = (parcel.folder / "README.md").read_text(encoding="utf-8")
    assert "the model was shared without its run" in text
    assert "not for names of patients" in text
    assert "No patient, report or path" not in text
    kept = "model.json holds the words of site; those of one patient alone stay, for only its run tells which these are"
    assert any(note.startswith(kept) for note in parcel.notes)


def test_an_unfinished_run_and_a_strange_licence_are_refused(run, tmp_path):
    card = run / "card.md"
    text = card.read_text(encoding="utf-8")
    card.unlink()
    try:
        with pytest.raises(UsageError, match=r"not finished: epoch 0 of .*; a model is shared when its training"):
            pack(run, tmp_path / "out", "mine/head-ct", Terms())
    finally:
        card.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"--license apache: no licence of the Hub; did you mean 'apache-2.0'"):
        Terms("apache")


def test_an_identifier_in_a_vocabulary_is_found_before_it_leaves(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    best = ModelLayout(copy / "checkpoints" / "best")
    config, facts, _ = load_description(best.folder)
    tokenizer = best.tokenizer("report") / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text(encoding="utf-8").replace('"blood"', f'"{PATIENT}"'), encoding="utf-8")
    write_description(best.folder, config, facts, {"report": ReportTokenizer.load(best.tokenizer("report"))})
    with pytest.raises(DataError, match=r"^tokenizers/report/tokenizer\.json: holds 1 identifiers of the run's"):
        pack(copy, tmp_path / "out", "mine/head-ct", Terms())
