"""Reports become the same ids whoever asks, from a vocabulary that only training reports made."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from mmdx.data.text.tokenizer import (
    Reading,
    ReportTokenizer,
    fit_tokenizer,
    inverse_document_frequencies,
    pretrained_tokenizer,
)
from mmdx.data.text.words import words
from mmdx.errors import DataError, UsageError

SCRIPTS = {
    "English": "No fracture, 12mm x-ray; patient's_a (old).",
    "German": "Pleuraerguß rechts, Größe 3,5 cm",
    "Chinese": "左侧胸腔积液深约12毫米。",
    "Japanese": "胸水は認めない。カテーテルあり",
    "Korean": "흉수가 12mm 있음",
    "Thai": "ไม่พบน้ำในช่องเยื่อหุ้มปอด 12 มม.",
    "Lao": "ບໍ່ພົບນ້ຳ",
    "Khmer": "មិនមានទឹក",
    "Burmese": "အဆုတ်ရောင်",
    "Hindi": "फुफ्फुस में द्रव",
    "Arabic": "انصباب جنبي ١٢ مم",
    "Hebrew": "נוזל פלאורלי, שָׁלוֹם",
    "Greek": "ΠΛΕΥΡΙΤΙΔΑΣ ς",
}
REPORTS = ["History: fall on the head.", "Fall, no headache.", "Headache since the fall."]


def test_words_of_two_patients_have_ids_and_others_are_unknown() -> None:
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


@pytest.mark.parametrize("patients", [["p", "p", "p"], ["p", "q", "p"]])
def test_no_word_of_a_lone_patient_is_kept(patients: list[str], tmp_path: Path) -> None:
    reports = ["Fell in Uppsala, Uppsala.", "Fell off a horse.", "Uppsala again, a horse."]
    tokenizer = fit_tokenizer(reports, max_tokens=9, patients=patients)
    tokenizer.save(tmp_path)
    written = (tmp_path / "tokenizer.json").read_text(encoding="utf-8")
    assert ("uppsala" in written, "fell" in written) == (False, len(set(patients)) > 1)


def test_in_a_hundred_patients_a_word_must_stand_in_three() -> None:
    reports = ["rare common"] * 2 + ["common"] * 98
    assert fit_tokenizer(reports[:99], max_tokens=9)("rare common").tolist() == [3, 2]
    assert fit_tokenizer(reports, max_tokens=9)("rare common").tolist() == [1, 2]


def test_the_most_frequent_words_are_kept() -> None:
    tokenizer = fit_tokenizer(["a a a b b c c", "a b c"], max_tokens=9, most=4)
    assert tokenizer.words(tokenizer("a b c").tolist()) == ["a", "b", "[UNK]"]


def test_fitting_does_not_depend_on_the_order_of_the_reports() -> None:
    one, other = (fit_tokenizer(reports, max_tokens=20) for reports in (REPORTS, REPORTS[::-1]))
    assert one.words(range(one.vocabulary)) == other.words(range(other.vocabulary))


def test_of_a_long_report_both_ends_are_kept_and_a_blank_one_has_no_tokens() -> None:
    reports = ["a b c d e f", "a b c d e f"]
    tokenizer = fit_tokenizer(reports, max_tokens=3)
    assert tokenizer.words(tokenizer(reports[0]).tolist()) == ["a", "b", "f"]
    assert tokenizer.words(tokenizer("a b c").tolist()) == ["a", "b", "c"]
    assert len(tokenizer("   ")) == 0
    start = fit_tokenizer(reports, max_tokens=3, keeps="start")
    assert start.words(start(reports[0]).tolist()) == ["a", "b", "c"]


def test_how_much_is_read() -> None:
    tokenizer = fit_tokenizer(["a b c d e f", "a b c d e f"], max_tokens=4)
    assert tokenizer.reading("a b x") == Reading(3, 1, cut=False)
    assert tokenizer.reading("a b c d x") == Reading(5, 1, cut=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Caf\u00e9 \u00fcber", "cafe\u0301 u\u0308ber"),
        ("12 mm :", "\uff11\uff12 mm \uff1a"),
        ("pleural effusion", "\ufeffpleu\u00adral\u200b effu\u2060sion"),
        ("ab \u0645\u062d\u0645\u062f", "ab \u0645\u062d\u0640\u0645\u062f"),
    ],
)
def test_one_text_in_two_spellings(one: str, other: str) -> None:
    tokenizer = fit_tokenizer([one, one], max_tokens=9)
    assert 1 not in tokenizer(one)
    assert tokenizer(one).tolist() == tokenizer(other).tolist()


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_tokenizer_has_the_words_of_everybody(text: str) -> None:
    tokenizer = fit_tokenizer([text, text], max_tokens=99)
    assert tokenizer.words(tokenizer(text).tolist()) == words(text)


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
    assert (loaded.vocabulary, loaded.max_tokens, loaded.keeps) == (tokenizer.vocabulary, 4, "ends")


def test_a_tokenizer_of_an_earlier_version_reads_the_start_as_it_did(tmp_path: Path) -> None:
    old = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3}, unk_token="[UNK]"))
    old.pre_tokenizer = pre_tokenizers.Whitespace()
    old.enable_truncation(2)
    old.save(str(tmp_path / "tokenizer.json"))
    assert ReportTokenizer.load(tmp_path)("a b c").tolist() == [1, 2]
    (tmp_path / "length.json").write_text("{}")
    with pytest.raises(DataError, match=r"length\.json: cannot be read"):
        ReportTokenizer.load(tmp_path)


@pytest.mark.parametrize(("content", "said"), [(None, "missing"), ("{", "cannot be read as JSON")])
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
    # Of three reports, of which three tokens are read, all have a, none has b, and all have c; d is no word.
    found = dict(zip(tokenizer.words(range(tokenizer.vocabulary)), idf, strict=True))
    assert found == {"[PAD]": 0, "[UNK]": 0, "a": 1, "b": 0, "c": 1}
    assert inverse_document_frequencies(tokenizer, ["d d"]) == (0, 0, 0, 0, 0)


def test_written_words_close_up_before_punctuation():
    tokenizer = fit_tokenizer(["Fell (twice), no pain. OK?"] * 2, max_tokens=20)
    ids = tokenizer("Fell (twice), no pain. OK?")
    assert tokenizer.prose(ids.tolist()) == "fell (twice), no pain. ok?"


def _saved(folder: Path, **changes: object) -> Path:
    fit_tokenizer(["fall on the head"] * 2, max_tokens=8).save(folder)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return folder


def _doubling(times: int) -> dict[str, object]:
    one = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    return {"type": "Sequence", "normalizers": [one] * times}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"normalizer": _doubling(30)}, "makes a text 1.07e+09 times as long"),
        ({"normalizer": {"type": "Replace", "pattern": {"Regex": "x?"}, "content": "y" * 9}}, "9 times as long"),
        ({"normalizer": {"type": "Nonsense"}}, "no tokenizer can be read from it"),
        ({"model": {"type": "WordLevel", "vocab": {}, "unk_token": "x"}, "added_tokens": []}, "it has no words"),
        ({"model": {"type": "WordLevel", "vocab": {"x": 2, "a": 3, "b": 3}, "unk_token": "x"}}, "have one number"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_told(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        ReportTokenizer.load(_saved(tmp_path, **changes))


def test_a_tokenizer_that_gives_up_on_a_text_is_told(tmp_path: Path) -> None:
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Removed", "invert": True}
    tokenizer = ReportTokenizer.load(_saved(tmp_path, pre_tokenizer=pattern))
    with pytest.raises(DataError, match="the tokenizer of the model cannot read a text"):
        tokenizer("a" * 40 + "b")


@pytest.mark.parametrize(
    "length",
    [[], {"max_tokens": 0, "keeps": "ends"}, {"max_tokens": True, "keeps": "ends"}, {"max_tokens": 8, "keeps": 1}],
)
def test_a_length_that_cannot_be_is_told(tmp_path: Path, length: object) -> None:
    _saved(tmp_path)
    (tmp_path / "length.json").write_text(json.dumps(length))
    with pytest.raises(DataError, match=r"length\.json: cannot be read"):
        ReportTokenizer.load(tmp_path)


def test_a_text_that_is_too_long_is_told() -> None:
    with pytest.raises(DataError, match="a text has 1,000,001 characters"):
        fit_tokenizer(["fall"] * 2, max_tokens=8)("x" * 1_000_001)
