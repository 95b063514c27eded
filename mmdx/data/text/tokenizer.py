"""Reports become tokens: a word tokenizer fitted on training reports, or the one of a pretrained encoder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from mmdx.data.memory import Memo
from mmdx.errors import DataError, UsageError

PADDING, UNKNOWN_WORD = "[PAD]", "[UNK]"
_CLOSED_UP = re.compile(r" (?=[.,;:!?)\]])|(?<=[(\[]) ")


class ReportTokenizer:
    """Text to token ids, cut at `max_tokens`; the same whichever library made the tokenizer.

    Ids are read-only, and kept by text where there is room (`mmdx/data/memory.py`); what is kept does not travel to
    other processes.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self.max_tokens = max_tokens
        self._ids = Memo(partial(_encoded, tokenizer), size=_bytes)

    def __reduce__(self) -> tuple[Callable[..., ReportTokenizer], tuple[Tokenizer]]:
        return partial(ReportTokenizer, max_tokens=self.max_tokens), (self._tokenizer,)

    @property
    def vocabulary(self) -> int:
        """How many ids there are; every id is below it."""
        # Ids may have holes, so the number of words is no bound.
        return 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values())

    def __call__(self, text: str) -> Int64[np.ndarray, "n"]:
        return self._ids(text)

    def words(self, ids: Iterable[int]) -> list[str]:
        """The token behind each id."""
        return [self._tokenizer.id_to_token(i) or UNKNOWN_WORD for i in ids]

    def prose(self, ids: Iterable[int]) -> str:
        """The tokens as a text, punctuation closed up; what the tokenizer lower-cased stays so."""
        return _CLOSED_UP.sub("", " ".join(self.words(ids)))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tokenizer.save(str(folder / "tokenizer.json"))

    @classmethod
    def load(cls, folder: Path) -> ReportTokenizer:
        """The tokenizer that `save` left. Raises `DataError` where there is none that can be read."""
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise DataError(f"{path}: missing; the model folder is not whole")
        tokenizer = _from_file(path)
        return cls(tokenizer, max_tokens=(tokenizer.truncation or {}).get("max_length", 512))


def fit_tokenizer(reports: Iterable[str], *, max_tokens: int, words: int = 8192) -> ReportTokenizer:
    """Lower-cased words and punctuation that stand at least twice in `reports`, the `words` most frequent of them.

    `reports` are those of training studies alone. Id 0 is padding, 1 an unknown word. Raises `DataError` where there is
    no report to learn from.
    """
    texts = [text for text in reports if text.strip()]
    if not texts:
        raise DataError(
            "no training study has a report, so no vocabulary can be fitted; drop the text input or check the split"
        )
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN_WORD))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.WordLevelTrainer(
        vocab_size=words,
        min_frequency=min(2, len(texts)),
        special_tokens=[PADDING, UNKNOWN_WORD],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return ReportTokenizer(tokenizer, max_tokens=max_tokens)


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


def _encoded(tokenizer: Tokenizer, text: str) -> Int64[np.ndarray, "n"]:
    ids = np.array(tokenizer.encode(text).ids, dtype=np.int64)
    ids.flags.writeable = False
    return ids


def _bytes(ids: Int64[np.ndarray, "n"]) -> int:
    return ids.nbytes


def _from_file(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise DataError(f"{path}: no tokenizer can be read from it ({error}); get the file anew") from None
