"""The README of a model on the Hub, and its results as the Hub keeps them: numbers and names of parts, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCardData

from mmdx import __version__
from mmdx.data.text.redaction import withheld
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.runs.files import pipeline_of
from mmdx.engine.sharing.known import Result
from mmdx.engine.sharing.origins import UNKNOWN, Origin
from mmdx.kinds import KINDS
from mmdx.schema import Config
from mmdx.templates import environment

README = "README.md"
RESULTS = ".eval_results"
"""The folder in which the Hub looks for results."""
GATE = (
    "This model is for research and is no medical device. By asking for access you say that you will take no decision "
    "about a patient by it, and will not try to learn from it who the patients of its training were."
)
"""What people agree to, where the owner lets the Hub ask them."""


@dataclass(frozen=True)
class Benchmark:
    """A data set of the Hub on whose test split the results are, and the task in it."""

    data_set: str
    task: str = "default"

    @classmethod
    def parsed(cls, text: str) -> Benchmark:
        """`ORG/DATASET` or `ORG/DATASET:TASK`."""
        data_set, _, task = text.partition(":")
        return cls(data_set, task or cls.task)


@dataclass(frozen=True)
class Shared:
    """What the README says of a model: `repository` is its name on the Hub, `parts` counts studies and patients by
    split, `members` the models that answer together."""

    repository: str
    licence: str | None
    config: Config
    facts: ModelFacts
    members: int
    calibrated: bool
    origins: Sequence[Origin] = ()
    parts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    results: Sequence[Result] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    benchmark: Benchmark | None = None

    @property
    def fullest(self) -> str:
        return "+".join(self.facts.inputs)


def readme(shared: Shared) -> str:
    """The README, whose front matter programs read and whose sections people do."""
    texts = [name for name, facts in shared.facts.inputs.items() if KINDS[facts.kind].worded]
    files = ["report.txt"] if len(texts) == 1 else [f"{text}={text}.txt" for text in texts]
    template = environment("mmdx.engine.sharing").get_template("README.md.j2")
    return template.render(
        front_matter=_front_matter(shared).to_yaml(),
        shared=shared,
        name=shared.repository.partition("/")[2] or shared.repository,
        licence=shared.licence or UNKNOWN,
        asked="".join(f" --report {file}" for file in files),
        withheld=withheld(shared.config.data.reports),
        measure=measure,
        interval=interval,
        version=__version__,
    )


def _front_matter(shared: Shared) -> ModelCardData:
    inputs = shared.facts.inputs
    bases = list(dict.fromkeys(origin.repository for origin in shared.origins if origin.repository))
    known: dict[str, Any] = {"base_model": bases} if bases else {}
    if shared.benchmark is not None:
        known["datasets"] = [shared.benchmark.data_set]
    return ModelCardData(
        license=shared.licence or UNKNOWN,
        library_name="mmdx",
        tags=["mmdx", "medical", *(["multimodal"] if len(inputs) > 1 else [])],
        pipeline_tag=pipeline_of({facts.kind for facts in inputs.values()}),
        metrics=["roc_auc"],
        extra_gated_prompt=GATE,
        **known,
    )


def eval_results(shared: Shared) -> dict[str, str]:
    """The files of results, by name, one per showing, since the Hub holds one value per task and file; none where no
    data set of the Hub is known."""
    if shared.benchmark is None:
        return {}
    data_set = {"id": shared.benchmark.data_set, "task_id": shared.benchmark.task}
    leading = shared.results[0].finding if shared.results else None
    files = {}
    for result in (result for result in shared.results if result.finding == leading):
        notes = [f"{measure(result)}, shown {result.shown}", interval(result), f"made with mmdx {__version__}"]
        entry = {"dataset": data_set, "value": round(result.value, 4), "notes": "; ".join(filter(None, notes))}
        name = f"{data_set['id']}_{result.shown}".replace("/", "_")
        files[f"{RESULTS}/{re.sub(r'[^A-Za-z0-9._+-]+', '-', name)}.yaml"] = yaml.safe_dump([entry], sort_keys=False)
    return files


def measure(result: Result) -> str:
    return "macro AUROC" if result.finding is None else f"AUROC for {result.finding}"


def interval(result: Result) -> str:
    if result.low is None or result.high is None:
        return ""
    return f"interval of 95 % from {result.low:.3f} to {result.high:.3f}, over patients"


def write_cards(folder: Path, shared: Shared) -> list[str]:
    """Writes the README and the results into a folder; their names."""
    files = {README: readme(shared), **eval_results(shared)}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return list(files)
