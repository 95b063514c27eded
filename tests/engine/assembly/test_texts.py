"""Tokenizers are fitted on training reports as a model may read them, and of the texts that a head writes."""

from __future__ import annotations

from typing import Any

import pytest
from cohorts import folder_cohort, prepared, write_png, write_table

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.texts import build_tokenizers, reports_of, target_key, target_texts, text_heads
from mmdx.errors import UsageError
from mmdx.schema import Config


def config_of(store: Store, *, reports: dict[str, Any] | None = None, **heads: Any) -> Config:
    model = {"inputs": {"image": "timm", "report": "bilstm_attention"}, "heads": heads or {"study": "study"}}
    return resolve(parse_config({"data": {"store": str(store.folder), "reports": reports or {}}, "model": model}, "t"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Study `n` says "Fell n times."; every third one, from the first, says nothing."""
    home = tmp_path_factory.mktemp("texts")
    return prepared(folder_cohort(home / "raw"), home / "store")


@pytest.fixture(scope="module")
def sectioned(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Four studies with a question and an answer in each report."""
    home = tmp_path_factory.mktemp("sections")
    rows = []
    for i in range(4):
        write_png(home / "raw" / f"{i}.png", 50)
        row = {"study_id": f"s{i}", "patient_id": f"p{i}", "file_name": f"{i}.png", "bleed": i % 2}
        rows.append(row | {"report": "INDICATION: Fall.\nIMPRESSION: Bleed."})
    return prepared(write_table(home / "raw", rows), home / "store", val=0.25, test=0.25)


def words_of(tokenizer: ReportTokenizer, text: str) -> list[str]:
    return tokenizer.words(tokenizer(text).tolist())


def test_a_word_that_two_training_reports_have_is_in_the_vocabulary(store: Store) -> None:
    tokenizers = build_tokenizers(config_of(store), store, [0, 1, 2, 4])
    assert list(tokenizers) == ["report"]
    assert words_of(tokenizers["report"], "Fell 2 times.") == ["fell", "[UNK]", "times", "."]


def test_what_is_masked_is_read_nowhere(store: Store) -> None:
    config = config_of(store, reports={"mask": ["fell"]})
    assert list(reports_of(config, store, [0, 1, 2], "report")) == ["", "[MASKED] 1 times.", "[MASKED] 2 times."]
    tokenizer = build_tokenizers(config, store, [1, 2])["report"]
    assert words_of(tokenizer, "fell") == ["[UNK]"]


def test_a_text_is_written_in_words_of_its_own_sections(sectioned: Store) -> None:
    describe = {"type": "description", "sections": ["impression"], "max_words": 9}
    config = config_of(sectioned, reports={"drop_sections": ["impression"]}, study="study", tell=describe)
    assert list(text_heads(config, sectioned)) == ["report"]
    tokenizers = build_tokenizers(config, sectioned, [0, 1, 2])
    assert list(tokenizers) == [target_key("report"), "report"]
    (target,) = target_texts(config, sectioned, tokenizers).values()
    assert target.reports.keep_sections == ("impression",)
    assert target.tokenizer.max_tokens == 9
    assert words_of(target.tokenizer, "Bleed Fall") == ["bleed", "[UNK]"]
    assert words_of(tokenizers["report"], "Bleed Fall") == ["[UNK]", "fall"]


@pytest.mark.parametrize(
    ("heads", "line"),
    [
        ({"study": "study", "a": "description", "b": "description"}, r"heads\.a: one of 2 heads that write \(a, b\)"),
        (
            {"study": "study", "a": {"type": "description", "text": "reprot"}},
            r"heads\.a\.text: no such text in .*'report'",
        ),
    ],
)
def test_what_cannot_be_written(store: Store, heads: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        text_heads(config_of(store, **heads), store)
