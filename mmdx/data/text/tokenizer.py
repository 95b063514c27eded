"""Reports become tokens: a word tokenizer fitted on training reports, or the one of a pretrained encoder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int64
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from mmdx.data.files import MOST_TEXT
from mmdx.data.memory import Memo
from mmdx.data.text.words import LAST_SIGMA, UNSEEN_PATTERN, WORD_PATTERN, shared, words
from mmdx.errors import DataError, UsageError, reason
from mmdx.files import write_json, write_text
from mmdx.strangers.bounded import parse_json, read_json, read_text

PADDING, UNKNOWN_WORD = "[PAD]", "[UNK]"
_UNKNOWN = (UNKNOWN_WORD, "<unk>")
Kept = Literal["ends", "start"]
"""What is read of a text that is too long: its first and its last half, or its start alone."""
_TOKENIZER, _LENGTH = "tokenizer.json", "length.json"
_NOT_WHOLE = "the model folder is not whole"
_MOST_GROWTH = 8.0
"""How many times as long a tokenizer may make a text; those that are known leave it about as it is."""
_CLOSED_UP = re.compile(r" (?=[.,;:!?)\]])|(?<=[(\[]) ")


@dataclass(frozen=True)
class Reading:
    """How much of a text a tokenizer reads: its `tokens`, how many of them are `unknown`, and whether it was `cut`."""

    tokens: int
    unknown: int
    cut: bool


class ReportTokenizer:
    """Text to token ids, at most `max_tokens` of them; the same whichever library made the tokenizer.

    Of a longer text the first and the last half are kept, for reports end with what they conclude, or with
    `keeps="start"` what comes first. Ids are read-only, and kept by text where there is room
    (`mmdx/data/memory.py`); what is kept does not travel to other processes.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, keeps: Kept = "ends") -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.max_tokens, self.keeps = max_tokens, keeps
        self._ids = Memo(partial(_encoded, tokenizer, max_tokens, keeps), size=_bytes)

    def __reduce__(self) -> tuple[Callable[..., ReportTokenizer], tuple[Any, ...]]:
        return partial(ReportTokenizer, max_tokens=self.max_tokens, keeps=self.keeps), (self._tokenizer,)

    @property
    def vocabulary(self) -> int:
        """How many ids there are; every id is below it."""
        # Ids may have holes, so the number of words is no bound.
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    def __call__(self, text: str) -> Int64[np.ndarray, "n"]:
        return self._ids(text)

    def reading(self, text: str) -> Reading:
        """How much of a text is read."""
        with _refusing("the tokenizer of the model cannot read a text"):
            encoding = self._tokenizer.encode(text)
        unknown = {self._tokenizer.token_to_id(word) for word in _UNKNOWN}
        added = encoding.special_tokens_mask
        own = [token for token, special in zip(encoding.ids, added, strict=True) if not special]
        return Reading(len(own), sum(token in unknown for token in own), len(encoding) > self.max_tokens)

    def words(self, ids: Iterable[int]) -> list[str]:
        """The token behind each id."""
        return [self._tokenizer.id_to_token(i) or UNKNOWN_WORD for i in ids]

    def prose(self, ids: Iterable[int]) -> str:
        """The tokens as a text, punctuation closed up; what the tokenizer lower-cased stays so."""
        return _CLOSED_UP.sub("", " ".join(self.words(ids)))

    def save(self, folder: Path) -> list[Path]:
        """Writes the files of the tokenizer, and returns them."""
        paths = [folder / _TOKENIZER, folder / _LENGTH]
        write_text(paths[0], self._tokenizer.to_str(pretty=True))
        write_json(paths[1], {"max_tokens": self.max_tokens, "keeps": self.keeps})
        return paths

    @classmethod
    def load(cls, folder: Path) -> ReportTokenizer:
        """The tokenizer that `save` left. Raises `DataError` where there is none that can be read."""
        path, length = folder / _TOKENIZER, folder / _LENGTH
        try:
            tokenizer = _from_file(path)
        except FileNotFoundError:
            raise DataError(f"{path}: missing; {_NOT_WHOLE}") from None
        try:
            raw = read_json(length, _NOT_WHOLE)
        except FileNotFoundError:  # of an earlier version, which read the start alone
            raw = {"max_tokens": (tokenizer.truncation or {}).get("max_length", 512), "keeps": "start"}
        most, keeps = (raw.get("max_tokens"), raw.get("keeps")) if isinstance(raw, dict) else (None, None)
        if type(most) is not int or not 1 <= most <= MOST_TEXT or keeps not in get_args(Kept):
            raise DataError(f"{length}: cannot be read (how many tokens are read, and which); {_NOT_WHOLE}")
        return cls(tokenizer, max_tokens=most, keeps=keeps)


def fit_tokenizer(
    reports: Iterable[str],
    *,
    max_tokens: int,
    patients: Sequence[str] | None = None,
    most: int = 8192,
    keeps: Kept = "ends",
) -> ReportTokenizer:
    """The words and punctuation (`words.py`) of the reports of several patients, the `most` frequent of them.

    `reports` are those of training studies alone, and `patients` whose each is (None: of a patient each). How many are
    several says `fewest_patients`: no word of one patient's reports gets into the file of a tokenizer. Id 0 is padding,
    1 an unknown word. Raises `DataError` where there is no report to learn from.
    """
    texts = list(reports)
    owners = list(patients) if patients is not None else [str(at) for at in range(len(texts))]
    there = [at for at, text in enumerate(texts) if text.strip()]
    if not there:
        raise DataError(
            "no training study has a report, so no vocabulary can be fitted; drop the text input or check the split"
        )
    split = [words(texts[at]) for at in there]
    counts = Counter(word for own in split for word in own)
    several = shared(split, [owners[at] for at in there])
    kept = sorted(several, key=lambda word: (-counts[word], word))
    vocabulary = {word: at for at, word in enumerate([PADDING, UNKNOWN_WORD, *kept][:most])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN_WORD))
    tokenizer.normalizer = normalizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [
            normalizers.Replace("\u200b", " "),
            normalizers.Replace(Regex(UNSEEN_PATTERN), ""),
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(*LAST_SIGMA),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD_PATTERN), "removed", invert=True)  # pyright: ignore[reportAttributeAccessIssue]
    return ReportTokenizer(tokenizer, max_tokens=max_tokens, keeps=keeps)


def inverse_document_frequencies(tokenizer: ReportTokenizer, reports: Iterable[str]) -> tuple[float, ...]:
    """How rare each token is, by id: log((1 + n) / (1 + d)) + 1, where d of n `reports` have it (scikit-learn's idf).

    `reports` are those of training studies alone, and blank ones are none. A token that no report has, padding and the
    unknown word weigh 0.
    """
    total, having = 0, np.zeros(tokenizer.vocabulary)
    for report in reports:
        if report.strip():
            total += 1
            having[np.unique(tokenizer(report))] += 1
    words = tokenizer.words(range(tokenizer.vocabulary))
    counts = having > 0
    counts &= [word not in (PADDING, UNKNOWN_WORD) for word in words]
    return tuple(np.where(counts, np.log((1 + total) / (1 + having)) + 1, 0.0).tolist())


def pretrained_tokenizer(source: str, *, max_tokens: int) -> ReportTokenizer:
    """The tokenizer of a pretrained text encoder: a local folder, or a hub name.

    Raises `UsageError` where it cannot be loaded or has no fast (`tokenizers`) form.
    """
    local = Path(source, "tokenizer.json")
    if local.is_file():
        return ReportTokenizer(_from_file(local), max_tokens=max_tokens)
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        loaded = AutoTokenizer.from_pretrained(source, use_fast=True)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"text encoder source '{source}': no tokenizer could be loaded ({reason})") from None
    if not isinstance(loaded, PreTrainedTokenizerFast):
        raise UsageError(f"text encoder source '{source}': its tokenizer has no fast form; choose another source")
    return ReportTokenizer(loaded.backend_tokenizer, max_tokens=max_tokens)


def _encoded(tokenizer: Tokenizer, most: int, keeps: Kept, text: str) -> Int64[np.ndarray, "n"]:
    if len(text) > MOST_TEXT:
        raise DataError(f"a text has {len(text):,} characters, more than {MOST_TEXT:,}; shorten it")
    with _refusing("the tokenizer of the model cannot read a text"):
        ids = np.array(tokenizer.encode(text).ids, dtype=np.int64)
    if len(ids) > most:
        tail = most // 2 if keeps == "ends" else 0
        ids = np.concatenate([ids[: most - tail], ids[len(ids) - tail :]])
    ids.flags.writeable = False
    return ids


def _bytes(ids: Int64[np.ndarray, "n"]) -> int:
    return ids.nbytes


def _from_file(path: Path) -> Tokenizer:
    """The tokenizer in a file. Raises `FileNotFoundError` where there is none, `DataError` where it cannot be read, or
    makes much more of a text than it is."""
    text = read_text(path)
    _check_growth(parse_json(text, str(path)), path)
    with _refusing(f"{path}: no tokenizer can be read from it"):
        tokenizer = Tokenizer.from_str(text)
        known = tokenizer.get_vocab(with_added_tokens=True)
        if not known:
            raise ValueError("it has no words")
        if len(set(known.values())) < len(known):
            raise ValueError("two of its words have one number")
    return tokenizer


def _check_growth(content: Any, path: Path) -> None:
    """Raises `DataError` where what is replaced in a text makes it many times as long.

    The library ends the whole process where it runs out of memory.
    """
    growth = 1.0
    parts = [content]
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts += part
        elif isinstance(part, dict):
            parts += [value for name, value in part.items() if name not in ("model", "added_tokens")]
            pattern, put = part.get("pattern"), part.get("content") or part.get("prepend")
            if part.get("type") in ("Replace", "Prepend") and isinstance(put, str):
                exact = pattern.get("String") if isinstance(pattern, dict) else None
                growth *= max(1.0, len(put) / max(1, len(exact) if isinstance(exact, str) else 1))
    if growth > _MOST_GROWTH:
        raise DataError(f"{path}: what it replaces makes a text {growth:.3g} times as long; get the file anew")


@contextmanager
def _refusing(where: str) -> Iterator[None]:
    """Within it, the library works on what somebody else has made. What it raises has no narrower type, and where a
    part of it that is not Python gives up, not even that of an error."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise DataError(f"{where} ({reason(error)}); get the file anew") from None
