"""Pretrained text encoders: adapters that come back, and silence."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("options", [{"lora": 3}, {"lora": 0}, {"lora": 0, "frozen": True}])
def test_a_checkpoint_needs_no_file_of_the_original_encoder(tmp_path, options):
    config = lora_model(tmp_path, **options)
    model, facts = build_model(config, replace(FACTS, texts={}))
    for _, parameter in trainable(model):
        torch.nn.init.normal_(parameter, std=0.1)
    write_description(tmp_path / "best", config, facts, {"report": fit_tokenizer(REPORTS, max_tokens=64)})
    write_weights(tmp_path / "best", model)
    for file in (tmp_path / "bert").iterdir():
        file.unlink()
    again = load_model(tmp_path / "best")
    with torch.no_grad():
        first, second = model.eval()(mixed_batch()).fused, again.model(mixed_batch()).fused
    assert torch.equal(first, second)
    names = [name for name in load_file(tmp_path / "best" / "model.safetensors") if "lora_" in name]
    assert len(names) == (12 if options["lora"] else 0)


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
