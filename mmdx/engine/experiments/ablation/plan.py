"""The plan of an ablation: which variants of a config are trained, with which seeds, on how many patients.

A variant is `fusion`, the config itself; `only-NAME`, one input alone; `without-NAME`, all but one, of three or more;
`fusion-NAME`, all inputs joined otherwise; `guided`, all stages of `guidance`. A config of one input has `only-NAME`
alone. Below the folder of an ablation lies `VARIANT/seed-S`, `VARIANT/size-N/seed-S` where fewer patients train, and
`VARIANT/try-K` where settings are tried, each a run folder; beside it `seed-S.yaml`, the config, `seed-S.log`, what was
said, and `seed-S.lock`, who has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mmdx.engine.assembly.narrow import NarrowConfig, narrow
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.guidance.stages import GUIDED
from mmdx.engine.runs.folder import is_concluded
from mmdx.errors import UsageError
from mmdx.files import RunLayout
from mmdx.schema import Component, Config
from mmdx.stats.cohort.ablation_folder import GUIDED_OWN

OTHER_FUSIONS = ("concat", "late")
FUSION = "fusion"
SEEDS = 3
"""Trainings of each variant where nobody says how many: fewer say nothing of how much a result depends on its seed."""


@dataclass(frozen=True)
class Extent:
    """How far an ablation goes.

    `seeds` counts trainings of each variant; `fusions` stand beside the config's own (None: `concat` and `late`);
    `sizes` are numbers of patients that the config itself is trained on, too. `tries` is how many settings each variant
    may try on validation (0: all have those of the config).
    """

    seeds: int = SEEDS
    fusions: Sequence[str] | None = None
    sizes: Sequence[int] = ()
    tries: int = 0

    @classmethod
    def parsed(cls, seeds: int, fusions: Sequence[str] | None, sizes: str, tries: int) -> Extent:
        """As a command line has it: sizes with commas between them. Raises `UsageError` for what is no number."""
        numbers = [text.strip() for text in sizes.split(",") if text.strip()]
        if not all(text.isdecimal() for text in numbers):
            raise UsageError(f"--sizes {sizes}: give numbers of training patients, such as 50,100,200")
        return cls(seeds, fusions, [int(text) for text in numbers], tries)


@dataclass(frozen=True)
class Job:
    """One training: a variant, a seed, and how many training patients (None: all of them).

    `attempt` numbers the settings that it tries (None: it is trained to be compared).
    """

    variant: str
    seed: int
    size: int | None
    config: Config
    folder: Path
    attempt: int | None = None

    @property
    def name(self) -> str:
        """What tells it from the others: its folder below that of the ablation."""
        if self.attempt is not None:
            return f"{self.variant}/try-{self.attempt}"
        return f"{self.variant}{f'/size-{self.size}' if self.size else ''}/seed-{self.seed}"

    @property
    def runs(self) -> tuple[Path, ...]:
        """The run folders whose predictions are compared: guidance leaves two models that it guided."""
        if self.config.guidance is None:
            return (self.folder,)
        return (self.folder / GUIDED, self.folder / GUIDED_OWN)

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end: guidance writes what it recovered last."""
        if self.config.guidance is None:
            return is_concluded(RunLayout(self.folder))
        return RunLayout(self.folder).recovery.is_file()

    @property
    def begun(self) -> bool:
        return RunLayout(self.folder).config.is_file()

    def beside(self, suffix: str) -> Path:
        """The file beside the run folder: `.yaml`, `.log` or `.lock`."""
        return self.folder.with_name(f"{self.folder.name}{suffix}")


@dataclass(frozen=True)
class Plan:
    """All trainings, the reference first, by seed; `refused` says of a variant why it cannot be trained.

    `tries` are trained before them, as many of each variant; `untried` are the variants whose settings are not chosen.
    """

    reference: str
    variants: dict[str, NarrowConfig]
    refused: dict[str, str]
    jobs: tuple[Job, ...]
    tries: tuple[Job, ...] = ()
    untried: frozenset[str] = frozenset()

    def notes(self) -> list[str]:
        """What a reader must know of the variants: what they had to leave out, and which there are not."""
        lines = [f"{name}: {note}" for name, variant in self.variants.items() for note in variant.notes]
        return lines + [f"{name} is not trained: {reason}" for name, reason in self.refused.items()]


def plan_jobs(config: Config, extent: Extent, out: Path) -> Plan:
    """The ablation of `config` (resolved) in the folder `out`: no file is read but those of runs that stand there.

    Raises `UsageError` with every problem of the call, and of every config that is derived, one line each.
    """
    inputs = list(config.model.inputs)
    others = _other_fusions(config, extent.fusions)
    _check_call(config, extent.sizes)
    problems: list[str] = []
    variants: dict[str, NarrowConfig] = {}
    refused: dict[str, str] = {}
    for name, names, fusion in _variants_of(inputs, others):
        try:
            narrowed = narrow(config, names)
        except UsageError as error:
            refused[name] = error.problems[0]
            continue
        model = narrowed.config.model.model_copy(update={"fusion": Component(type=fusion)} if fusion else {})
        try:
            variants[name] = NarrowConfig(resolve(narrowed.config.model_copy(update={"model": model})), narrowed.notes)
        except UsageError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if config.guidance is not None:
        variants[GUIDED] = NarrowConfig(config, ())
    reference = next(iter(_variants_of(inputs, [])))[0]
    if reference in refused:
        problems.append(f"{reference}: {refused[reference]}")
    if problems:
        raise UsageError(problems)
    numbers = range(config.seed, config.seed + extent.seeds)
    jobs = [_job(name, variants[name].config, seed, None, out) for seed in numbers for name in variants]
    jobs += [
        _job(reference, variants[reference].config, seed, n, out) for n in sorted(extent.sizes) for seed in numbers
    ]
    return Plan(reference, variants, refused, tuple(jobs))


def _variants_of(inputs: Sequence[str], fusions: Sequence[str]) -> list[tuple[str, list[str], str | None]]:
    """The name of each variant, its inputs, and its fusion where that is not the config's own."""
    alone: list[tuple[str, list[str], str | None]] = [(f"only-{quote(name, safe='')}", [name], None) for name in inputs]
    if len(inputs) == 1:
        return alone
    variants: list[tuple[str, list[str], str | None]] = [(FUSION, list(inputs), None), *alone]
    if len(inputs) > 2:
        variants += [(f"without-{quote(n, safe='')}", [other for other in inputs if other != n], None) for n in inputs]
    return variants + [(f"{FUSION}-{name}", list(inputs), name) for name in fusions]


def _other_fusions(config: Config, fusions: Sequence[str] | None) -> list[str]:
    base = config.model.fusion.type
    if len(config.model.inputs) == 1:
        if fusions:
            raise UsageError(f"--fusion {fusions[0]}: the config has one input, which no fusion joins; leave it out")
        return []
    if fusions is None:
        return [name for name in OTHER_FUSIONS if name != base]
    if base in fusions:
        raise UsageError(f"--fusion {base}: is the config's own, which is trained anyhow; leave it out")
    return list(dict.fromkeys(fusions))


def _check_call(config: Config, sizes: Sequence[int]) -> None:
    problems, most = [], config.data.train_patients
    if config.run is not None:
        problems.append(
            f"run={config.run}: an ablation has a folder for each of its runs; leave it out, and give --out"
        )
    if len(set(sizes)) < len(sizes) or any(size < 1 for size in sizes):
        problems.append("--sizes: give numbers of patients from 1, each once, such as 50,100,200")
    if most is not None and any(size >= most for size in sizes):
        problems.append(f"--sizes: {max(sizes)} is no fewer than data.train_patients ({most}); ask for fewer")
    if problems:
        raise UsageError(problems)


def _job(variant: str, config: Config, seed: int, size: int | None, out: Path) -> Job:
    folder = (out / variant / f"size-{size}" if size else out / variant) / f"seed-{seed}"
    raw = config.model_dump() | {"seed": seed, "run": folder}
    if size is not None:
        raw["data"]["train_patients"] = size
    return Job(variant, seed, size, Config.model_validate(raw), folder)
