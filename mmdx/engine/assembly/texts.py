"""The texts of a config: the tokenizers of those that are read, and which texts a head writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmdx.data.loading.reports import Reports
from mmdx.data.loading.sample import Written
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer, fit_tokenizer, pretrained_tokenizer
from mmdx.engine.assembly.encoders import kind_of
from mmdx.errors import UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.models.heads.description import TextHead
from mmdx.models.text.transformer import source_of
from mmdx.registry import HEADS, TEXT_ENCODERS
from mmdx.schema import Component, Config, ReportOptions


def target_key(modality: str) -> str:
    """Under which name the tokenizer of a text that is written stands beside those of the inputs."""
    return f"targets/{modality}"


def text_heads(config: Config, store: Store) -> dict[str, Component]:
    """The head that writes, by the text modality that it writes; empty where none does.

    Raises `UsageError` where there are several such heads, no study head beside one, or no such text in the store.
    """
    parts: dict[str, Any] = {name: HEADS.get(head.type) for name, head in config.model.heads.items()}
    heads = {name: head for name, head in config.model.heads.items() if issubclass(parts[name], TextHead)}
    texts = [name for name, facts in store.modalities.items() if KINDS[facts.kind].worded]
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


def target_texts(config: Config, store: Store, tokenizers: Mapping[str, ReportTokenizer]) -> dict[str, Written]:
    """The texts that the loader brings as targets."""
    heads = text_heads(config, store)
    return {text: Written(tokenizers[target_key(text)], target_reports(config, head)) for text, head in heads.items()}


def build_tokenizers(config: Config, store: Store, rows: Sequence[int]) -> dict[str, ReportTokenizer]:
    """One tokenizer per text input: the pretrained encoder's own, else fitted on the reports of `rows` (training).

    A tokenizer meets what `data.reports` leaves of them: a term that is masked or stands in a dropped section is no
    word of it. A text that a head writes has one of its own (`target_key`), fitted on what is written.
    """
    tokenizers, patients = {}, [store.patient_ids[row] for row in rows]
    for name, head in text_heads(config, store).items():
        options = target_reports(config, head)
        reports = Reports(store, options).over(rows, name)
        longest = HEADS.options(head)["max_words"]
        tokenizers[target_key(name)] = fit_tokenizer(reports, max_tokens=longest, patients=patients, keeps="start")
    for name, section in config.model.inputs.items():
        if not kind_of(section).worded or name not in store.modalities:
            continue
        options = TEXT_ENCODERS.options(section.encoder)
        source, longest = options.get("source"), options["max_tokens"]
        if source:
            tokenizers[name] = pretrained_tokenizer(source_of(source), max_tokens=longest)
        else:
            reports = reports_of(config, store, rows, name)
            tokenizers[name] = fit_tokenizer(reports, max_tokens=longest, patients=patients)
    return tokenizers


def reports_of(config: Config, store: Store, rows: Sequence[int], name: str) -> Iterator[str]:
    """What `data.reports` leaves of the reports of `rows`, empty where there is none."""
    return Reports(store, config.data.reports).over(rows, name)
