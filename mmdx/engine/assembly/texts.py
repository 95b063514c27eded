"""Texts that a head writes: which, what of the reports, and the tokenizers of their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdx.config import Component, Config, ReportOptions
from mmdx.data.loading.collate import Written
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.heads.description import TextHead
from mmdx.registry import HEADS


def target_key(modality: str) -> str:
    """Under which name the tokenizer of a text that is written stands beside those of the inputs."""
    return f"targets/{modality}"


def described(config: Config, store: Store) -> dict[str, Component]:
    """The head that writes, by the text modality that it writes; empty where none does.

    Raises `UsageError` where there are several such heads, no study head beside one, or no such text in the store.
    """
    parts: dict[str, Any] = {name: HEADS.get(head.type) for name, head in config.model.heads.items()}
    heads = {name: head for name, head in config.model.heads.items() if issubclass(parts[name], TextHead)}
    texts = [name for name, facts in store.modalities.items() if facts.kind == "text"]
    for name, head in heads.items():
        where, text = f"model.heads.{name}", HEADS.options(head)["text"]
        if len(heads) > 1:
            raise UsageError(f"{where}: one of {len(heads)} heads that write ({', '.join(heads)}); keep one")
        if all(part.level != "study" for part in parts.values()):
            raise UsageError(f"{where}: no study head beside it; add study: study")
        if text is None and len(texts) != 1:
            raise UsageError(f"{where}: {store.folder} has {len(texts)} texts ({', '.join(texts)}); give text")
        if text is not None and text not in texts:
            raise UsageError(f"{where}.text: no such text in {store.folder}; {did_you_mean(text, texts)}")
        return {text or texts[0]: head}
    return {}


def target_reports(config: Config, head: Component) -> ReportOptions:
    """What of a report a head writes: its own `sections`, else what `data.reports` leaves; terms are masked too."""
    sections = HEADS.options(head)["sections"]
    if sections is None:
        return config.data.reports
    return ReportOptions(keep_sections=sections, mask=config.data.reports.mask)


def written(config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer]) -> dict[str, Written]:
    """The texts that the loader brings as targets."""
    heads = described(config, store)
    return {text: Written(tokenizers[target_key(text)], target_reports(config, head)) for text, head in heads.items()}
