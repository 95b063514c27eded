"""Reports become the same ids whoever asks, from a vocabulary that only training reports made."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from mmdx.data.text.tokenizer import fit_tokenizer, inverse_document_frequencies, pretrained_tokenizer
from mmdx.errors import DataError, UsageError

REPORTS = ["History: fall on the head.", "Fall, no headache.", "Headache since the fall."]


def test_words_that_stand_twice_have_ids_and_others_are_unknown() -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=20)
    ids = tokenizer("FALL headache since stroke")
    assert tokenizer.words(ids.tolist()) == ["fall", "headache", "[UNK]", "[UNK]"]
    assert ids.tolist()[2:] == [1, 1]
    assert tokenizer.words([0]) == ["[PAD]"]


def test_ids_are_kept_read_only_and_do_not_travel() -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=4)
    before = len(pickle.dumps(tokenizer))
    ids = tokenizer("fall " * 1000)
    assert tokenizer("fall " * 1000) is ids
    assert not ids.flags.writeable
    assert len(pickle.dumps(tokenizer)) == before
    again = pickle.loads(pickle.dumps(tokenizer))
    assert (again("fall " * 1000).tolist(), again.max_tokens) == (ids.tolist(), 4)


def test_the_vocabulary_is_that_of_the_reports_given_and_no_other() -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=20)
    assert set(tokenizer.words(range(tokenizer.vocabulary))) == {"[PAD]", "[UNK]", "fall", "headache", "the", "."}


def test_a_single_report_keeps_its_words() -> None:
    assert fit_tokenizer(["Fell twice."], max_tokens=9)("fell twice .").tolist() != [1, 1, 1]


def test_the_most_frequent_words_are_kept() -> None:
    tokenizer = fit_tokenizer(["a a a b b c c", "a b"], max_tokens=9, words=4)
    assert tokenizer.words(tokenizer("a b c").tolist()) == ["a", "b", "[UNK]"]


def test_fitting_does_not_depend_on_the_order_of_the_reports() -> None:
    one, other = (fit_tokenizer(reports, max_tokens=20) for reports in (REPORTS, REPORTS[::-1]))
    assert one.words(range(one.vocabulary)) == other.words(range(other.vocabulary))


def test_long_reports_are_cut_and_blank_ones_have_no_tokens() -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=3)
    assert len(tokenizer("fall " * 50)) == 3
    assert len(tokenizer("   ")) == 0


@pytest.mark.parametrize("reports", [[], [""], ["", "  \n"]])
def test_nothing_to_learn_from_is_refused(reports: list[str]) -> None:
    with pytest.raises(DataError, match="no training study has a report"):
        fit_tokenizer(reports, max_tokens=5)


def test_a_saved_tokenizer_gives_the_same_ids(tmp_path: Path) -> None:
    tokenizer = fit_tokenizer(REPORTS, max_tokens=4)
    tokenizer.save(tmp_path / "model" / "report")
    loaded = type(tokenizer).load(tmp_path / "model" / "report")
    for text in [*REPORTS, "ΔΣ ½ stroke", "fall " * 9]:
        assert loaded(text).tolist() == tokenizer(text).tolist()
    assert (loaded.vocabulary, loaded.max_tokens) == (tokenizer.vocabulary, 4)


@pytest.mark.parametrize(("content", "said"), [(None, "missing"), ("{", "no tokenizer can be read from it")])
def test_a_tokenizer_that_cannot_be_loaded_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{tmp_path / 'tokenizer.json'}: {said}"):
        type(fit_tokenizer(REPORTS, max_tokens=4)).load(tmp_path)


def write_pretrained(folder: Path, vocabulary: dict[str, int]) -> Path:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_padding(length=12)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_pretrained_tokenizer_from_a_folder(tmp_path: Path) -> None:
    folder = write_pretrained(tmp_path / "bert", {"[UNK]": 0, "Fall": 5, "head": 2})
    tokenizer = pretrained_tokenizer(str(folder), max_tokens=3)
    assert tokenizer("Fall head fall").tolist() == [5, 2, 0]
    assert tokenizer("Fall").tolist() == [5]  # no padding, whatever the file says
    assert len(tokenizer("head " * 9)) == 3
    assert tokenizer.vocabulary == 6


def test_a_pretrained_folder_with_a_word_list_alone(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fall", "head"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}), encoding="utf-8")
    assert pretrained_tokenizer(str(tmp_path), max_tokens=8)("Fall stroke").tolist() == [2, 5, 1, 3]


@pytest.mark.parametrize("source", ["no-such/model-anywhere", "."])
def test_a_source_without_a_tokenizer_is_one_line(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=rf"text encoder source '{source}': no tokenizer could be loaded") as caught:
        pretrained_tokenizer(source, max_tokens=8)
    assert "\n" not in str(caught.value)


def test_idf_counts_reports_and_leaves_out_what_none_of_them_has() -> None:
    tokenizer = fit_tokenizer(["a a b c", "a b c", "c d"], max_tokens=3)
    idf = inverse_document_frequencies(tokenizer, ["a a b c", " ", "a d c", "d a d c"])
    # Of three reports, cut at three tokens, all have a, one has b and one has c; d is no word of the vocabulary.
    found = dict(zip(tokenizer.words(range(tokenizer.vocabulary)), idf, strict=True))
    assert found == {"[PAD]": 0, "[UNK]": 0, "a": 1, "b": math.log(2) + 1, "c": math.log(2) + 1}
    assert inverse_document_frequencies(tokenizer, ["d d"]) == (0, 0, 0, 0, 0)


def test_written_words_close_up_before_punctuation():
    tokenizer = fit_tokenizer(["Fell (twice), no pain. OK?"], max_tokens=20)
    ids = tokenizer("Fell (twice), no pain. OK?")
    assert tokenizer.prose(ids.tolist()) == "fell (twice), no pain. ok?"
