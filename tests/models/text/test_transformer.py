"""Pretrained text encoders: adapters that come back, and silence."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from parts import FACTS, WORDS, config_of, mixed_batch, model_of, tiny_bert
from safetensors.torch import load_file
from transformers import AlbertConfig, AlbertModel, BertConfig, BertModel
from transformers.utils import logging

from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.saved import load_model, write_description, write_weights
from mmdx.engine.training.objective import objective
from mmdx.errors import UsageError
from mmdx.models.model import trainable
from mmdx.models.text.transformer import Transformer

REPORTS = ["Headache since the fall.", "Headache, no fall."]


def lora_model(folder: Path, **options: object):
    source = tiny_bert(folder / "bert")
    encoder = {"type": "transformer", "source": source, "max_tokens": 64, "lora": 3, **options}
    return config_of(report={"encoder": encoder})


def write_pooling(folder: Path, **raw: object) -> None:
    """What sentence-transformers leave of how an encoder was pooled."""
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(raw))


def test_adapters_learn_and_nothing_else_of_the_encoder(tmp_path):
    config = lora_model(tmp_path)
    model, batch = model_of(config).train(), mixed_batch()
    before = {name: p.detach().clone() for name, p in model.branches["report"].encoder.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        objective(model, model(batch), batch)["loss"].backward()
        optimizer.step()
    after = dict(model.branches["report"].encoder.named_parameters())
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "lora_" in name}
    # A and B of six linear layers: query, key, value, output of attention, and two of the feed-forward part.
    assert len(moved) == 12
    assert {tuple(after[name].shape) for name in moved} == {(3, 16), (16, 3)}
    assert moved == {n.removeprefix("branches.report.encoder.") for n, _ in trainable(model) if "report.encoder" in n}


def test_new_adapters_say_nothing(tmp_path):
    plain, adapted = (model_of(lora_model(tmp_path / str(rank), lora=rank)).eval() for rank in (0, 3))
    batch = mixed_batch()
    with torch.no_grad():
        seen = [m.branches["report"](batch.inputs["report"]).items for m in (plain, adapted)]
    torch.testing.assert_close(*seen)


def test_layers_are_counted_from_the_words(tmp_path):
    sizes = {"vocab_size": WORDS, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(**sizes, num_hidden_layers=2)).save_pretrained(tmp_path / "two")
    layers = Transformer(WORDS, None, source=str(tmp_path / "two"), lora=2).pretrained_layers()
    weights = {name.partition("network.encoder.layer.")[2].partition(".")[0]: layer for name, layer in layers.items()}
    assert weights == {"": 0, "0": 1, "1": 2}
    shared = AlbertConfig(**sizes, embedding_size=8, num_hidden_layers=2)
    AlbertModel(shared).save_pretrained(tmp_path / "shared")
    # One block serves both layers: nothing lies above anything.
    assert set(Transformer(WORDS, None, source=str(tmp_path / "shared")).pretrained_layers().values()) == {0}


def test_adapters_without_peft_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UsageError, match=r"lora needs the package peft; install it \(pip install 'mmdx\[lora\]'\)"):
        model_of(lora_model(tmp_path))


@pytest.mark.parametrize(
    "options",
    [{"lora": 3}, {"lora": 0}, {"lora": 0, "frozen": True}, {"lora": 0, "frozen": True, "pooling": "trained"}],
)
def test_a_checkpoint_needs_no_file_of_the_original_encoder(tmp_path, options):
    config = lora_model(tmp_path, **options)
    write_pooling(tmp_path / "bert", pooling_mode="cls")
    model, facts = build_model(config, replace(FACTS, texts={}))
    for _, parameter in trainable(model):
        torch.nn.init.normal_(parameter, std=0.1)
    tokenizer = fit_tokenizer(REPORTS, max_tokens=64)
    report = replace(facts.inputs["report"], vocabulary=tokenizer.vocabulary, idf=None, terms=None)
    facts = replace(facts, inputs={**facts.inputs, "report": report})
    write_description(tmp_path / "best", config, facts, {"report": tokenizer})
    write_weights(tmp_path / "best", model)
    shutil.rmtree(tmp_path / "bert")
    again = load_model(tmp_path / "best")
    with torch.no_grad():
        first, second = model.eval()(mixed_batch()).fused, again.model(mixed_batch()).fused
    assert torch.equal(first, second)
    names = [name for name in load_file(tmp_path / "best" / "model.safetensors") if "lora_" in name]
    assert len(names) == (12 if options["lora"] else 0)


LENGTHS = torch.tensor([3, 0, 2])
TOKENS = torch.tensor([2, 3, 4, 5, 6])


def test_pooled_is_the_mean_of_the_tokens_or_the_first(tmp_path):
    source = tiny_bert(tmp_path)
    mean, first = (
        Transformer(WORDS, None, source=source, pooling=pooling, max_tokens=64).eval()(TOKENS, LENGTHS)
        for pooling in ("mean", "cls")
    )
    torch.testing.assert_close(mean.pooled[0], mean.items[0].mean(dim=0))
    torch.testing.assert_close(mean.pooled[2], mean.items[2, :2].mean(dim=0))
    assert mean.pooled[1].abs().max() == 0
    torch.testing.assert_close(first.pooled, mean.items[:, 0])


@pytest.mark.parametrize(
    ("raw", "pooling"),
    [
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
    ],
)
def test_pooling_is_as_the_source_was_trained(tmp_path, raw, pooling):
    source = tiny_bert(tmp_path)
    write_pooling(tmp_path, **raw)
    encoder = Transformer(WORDS, None, source=source, pooling="trained", max_tokens=64)
    assert encoder.pooling == pooling
    again = Transformer(WORDS, encoder.architecture, pooling="trained", max_tokens=64)
    assert again.pooling == pooling


def test_a_source_that_does_not_say_its_pooling_is_refused(tmp_path):
    source = tiny_bert(tmp_path)
    with pytest.raises(UsageError, match="does not say its pooling; give pooling: mean or cls"):
        Transformer(WORDS, None, source=source, pooling="trained", max_tokens=64)
    write_pooling(tmp_path, pooling_mode_max_tokens=True)
    with pytest.raises(UsageError, match="is pooled neither by mean nor by cls; give one of them"):
        Transformer(WORDS, None, source=source, pooling="trained", max_tokens=64)


def test_a_report_longer_than_the_encoder_can_place_is_read_in_windows(tmp_path):
    source = tiny_bert(tmp_path)
    encoder = Transformer(WORDS, None, source=source, window=8, max_tokens=1000).eval()
    at_once = Transformer(WORDS, None, source=source, max_tokens=64).eval()
    tokens = torch.arange(200) % (WORDS - 2) + 2
    long, short = encoder(tokens, torch.tensor([194, 6])), at_once(tokens[194:], torch.tensor([6]))
    torch.testing.assert_close(long.pooled[1:], short.pooled)
    torch.testing.assert_close(long.items[0, :6], at_once(tokens[:8], torch.tensor([8])).items[0, :6])
    changed = tokens.clone()
    changed[193] = 2 if tokens[193] != 2 else 3
    assert not torch.allclose(encoder(changed, torch.tensor([194, 6])).pooled[0], long.pooled[0])


def test_windows_longer_than_the_encoder_can_place_are_refused(tmp_path):
    source = tiny_bert(tmp_path)
    with pytest.raises(UsageError, match="window 65 is more than the 64 that it can place"):
        Transformer(WORDS, None, source=source, window=65, max_tokens=1000)
    with pytest.raises(UsageError, match="pooling is cls, of one window alone; take mean, or no window"):
        Transformer(WORDS, None, source=source, window=32, pooling="cls")


def test_frozen_and_adapters_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="lora is 4 and frozen is True; give a rank to train, or frozen alone"):
        Transformer(WORDS, None, source=tiny_bert(tmp_path), frozen=True, lora=4, max_tokens=64)
    with pytest.raises(UsageError, match="lora is -1 and frozen is False"):
        Transformer(WORDS, None, source=tiny_bert(tmp_path), lora=-1, max_tokens=64)


def test_loading_says_nothing_and_leaves_the_bars_of_others_alone(tmp_path, capfd):
    source = tiny_bert(tmp_path)
    capfd.readouterr()
    logging.enable_progress_bar()
    Transformer(WORDS, None, source=source, lora=2, max_tokens=64)
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        Transformer(WORDS, None, source=source, max_tokens=64)
        assert not logging.is_progress_bar_enabled()
    finally:
        logging.enable_progress_bar()


def test_a_folder_of_adapters_is_refused_before_their_model_is_looked_for(tmp_path):
    source = tiny_bert(tmp_path)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/model"}))
    with pytest.raises(UsageError, match="holds adapters; merge them into their model and save it"):
        Transformer(WORDS, None, source=source, max_tokens=64)
