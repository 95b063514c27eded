"""Made studies: what a model must know of a cohort that is not prepared yet, and a batch of the sizes it will have."""

from __future__ import annotations

import timm
import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Boxes, Packed
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.planning.facts.cohort import Cohort, Pictures
from mmdx.engine.planning.rules.inputs import image_inputs
from mmdx.engine.planning.rules.texts import TOKENS_PER_WORD
from mmdx.models.facts import InputFacts
from mmdx.schema import Config
from mmdx.study import Terms


def made_facts(config: Config, cohort: Cohort) -> ModelFacts:
    """The sizes of a model of this config, as they will be once the cohort is prepared."""
    findings = tuple(config.data.findings or cohort.labels)
    inputs = {name: _input_facts(config, cohort, name) for name in config.model.inputs}
    return ModelFacts(findings, config.data.size, inputs, {"study": (0.5,) * len(findings)})


def made_batch(config: Config, cohort: Cohort, *, studies: int, items: int | None = None) -> Batch:
    """A batch of so many studies that have every modality, each with the cohort's mean number of items, or `items`.

    Pixels, descriptors, words and labels are drawn from torch's generator.
    """
    findings = config.data.findings or tuple(cohort.labels)
    facts = made_facts(config, cohort)
    inputs = {name: _packed(config, cohort, name, facts.inputs[name], studies, items) for name in config.model.inputs}
    sliced = [name for name, section in config.model.inputs.items() if kind_of(section).sliced]
    pictured = [name for name in sliced if kind_of(config.model.inputs[name]).pictured]
    return Batch(
        study_ids=[str(number) for number in range(studies)],
        patient_ids=[str(number) for number in range(studies)],
        inputs=inputs,
        labels=_labels(studies, len(findings)),
        slice_labels={name: _labels(len(inputs[name].values), len(findings)) for name in sliced},
        boxes={name: _boxes(len(inputs[name].values), config.data.size) for name in pictured},
    )


def _input_facts(config: Config, cohort: Cohort, name: str) -> InputFacts:
    section = config.model.inputs[name]
    if name in cohort.reports:
        words = (1.0,) * cohort.reports[name].vocabulary
        pairs = tuple((token, token + 1) for token in range(len(words) - 1))
        terms = Terms(words, pairs, (1.0,) * len(pairs))
        return InputFacts("text", vocabulary=len(words), idf=words, terms=terms)
    if name in cohort.vectors:
        return InputFacts("vectors", width=cohort.vectors[name].width)
    if kind_of(section).pictured:
        item = next(item for item in image_inputs(cohort) if item.name == name)
        parts = tuple((part, cohort.pictures[part].channels) for part in item.parts) if item.stacked else ()
        channels = sum(cohort.pictures[part].channels for part in item.parts)
        return InputFacts("images", unit=item.pictures.unit, channels=channels, details=parts)
    selected = section.select.options["components"] if section.select is not None else None
    return InputFacts("vectors", width=_described_width(config, name), selected=selected)


def _described_width(config: Config, name: str) -> int:
    """How many values the first stage leaves of an image."""
    if config.first is None:
        raise ValueError(f"{name} is read as descriptors, which no first stage leaves")
    encoder = config.first.model.inputs[name].encoder.options["name"]
    with torch.device("meta"):
        return int(timm.create_model(encoder, num_classes=0).num_features)  # pyright: ignore[reportArgumentType]


def _packed(config: Config, cohort: Cohort, name: str, facts: InputFacts, studies: int, items: int | None) -> Packed:
    if name in cohort.reports:
        length = max(1, round(TOKENS_PER_WORD * cohort.reports[name].middle))
        length = min(length, config.model.inputs[name].encoder.options["max_tokens"])
        tokens = torch.randint(facts.vocabulary, (studies * length,))
        return Packed(tokens, torch.full((studies,), length))
    held = cohort.vectors[name] if name in cohort.vectors else _pictures(cohort, name)
    each = items or held.mean
    lengths, places = torch.full((studies,), each), torch.full((studies * each,), torch.nan)
    if facts.kind == "vectors":
        return Packed(torch.randn(studies * each, facts.width), lengths, places)
    shape = (studies * each, facts.channels, config.data.size, config.data.size)
    if facts.unit == "HU":
        return Packed(torch.randint(-1024, 3072, shape, dtype=torch.int16), lengths, places)
    return Packed(torch.randint(256, shape, dtype=torch.uint8), lengths, places)


def _pictures(cohort: Cohort, name: str) -> Pictures:
    return next(item.pictures for item in image_inputs(cohort) if item.name == name)


def _labels(rows: int, findings: int) -> Float[Tensor, "k f"]:
    return torch.randint(2, (rows, findings)).float()


def _boxes(images: int, size: int) -> Boxes:
    """A box of the first finding in the middle of each image."""
    corners = torch.tensor([0.4 * size, 0.4 * size, 0.6 * size, 0.6 * size]).expand(images, 4)
    return Boxes(corners, torch.arange(images), torch.zeros(images, dtype=torch.int64))
