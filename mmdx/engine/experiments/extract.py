"""`mmdx extract`: descriptors as a store, of a run, or of frozen encoders that no training is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.folds import read_folds
from mmdx.data.store.store import Store
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.resolve import read_resolved, resolve_raw
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.store import deal, open_store, store_of, stores_of_members
from mmdx.engine.experiments.two_stage import of_untrained, out_of_fold
from mmdx.engine.experiments.untrained import describing_config, untrained_model
from mmdx.engine.processes import main_first, make_accelerator
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.descriptors import Describer, Extraction, chosen_modalities, extract, is_frozen
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import PARTIAL, RunLayout
from mmdx.kinds import KINDS
from mmdx.schema import Config
from mmdx.stats.cohort.unfinished import unfinished

GREY = {"type": "grey", "channels": 3}


@dataclass(frozen=True)
class Source:
    """What makes descriptors: `name` is a run folder, a config (YAML, with `overrides`), or a timm encoder, which
    describes the images of `store` with the weights `pretrained`."""

    name: str
    overrides: Sequence[str] = ()
    store: Path | None = None
    pretrained: str | None = None

    @property
    def is_run(self) -> bool:
        return Path(self.name).is_dir()

    @property
    def is_config(self) -> bool:
        return not self.is_run and Path(self.name).suffix in (".yaml", ".yml")

    def config(self) -> Config:
        """The config of frozen encoders, resolved. Raises `UsageError` where it has none, or names no encoder."""
        if self.is_config:
            return read_resolved(Path(self.name), self.overrides)
        if self.store is None:
            raise UsageError(
                f"{self.name}: neither a run folder nor a config (.yaml); for a timm encoder of this name add --store"
            )
        if self.overrides:
            raise UsageError(f"{self.overrides[0]}: an encoder's name takes no overrides; write a config for them")
        encoder = {"type": "timm", "name": self.name, "pretrained": self.pretrained, "frozen": True}
        inputs = {
            # Grey images stand three times, as encoders that were pretrained on photographs expect them.
            name: {"encoder": encoder, "view": None if facts.unit == "HU" or facts.channels == 3 else GREY}
            for name, facts in Store(self.store).modalities.items()
            if KINDS[facts.kind].pictured
        }
        if not inputs:
            raise UsageError(f"--store {self.store}: holds no images that an encoder could describe")
        return resolve_raw({"data": {"store": str(self.store)}, "model": {"inputs": inputs}}, self.name)


def extract_source(
    source: Source,
    out: Path,
    *,
    modalities: Sequence[str] = (),
    folds: int | None = None,
    console: Console,
    count: Count = uncounted,
) -> Store:
    """The store of descriptors of a source in `out`; nothing is trained but for `folds` of a run.

    Raises `UsageError` for options that do not belong to the source.
    """
    if (source.is_run or source.is_config) and (source.store is not None or source.pretrained is not None):
        raise UsageError(f"--store, --pretrained: are for an encoder's name; {source.name} says these itself")
    if source.is_run:
        if source.overrides:
            raise UsageError(f"{source.overrides[0]}: a run has its config already; overrides are for a config")
        run = RunLayout(Path(source.name))
        return extract_run(run, out, modalities=modalities, folds=folds, console=console, count=count)
    if folds is not None:
        raise UsageError(f"--folds: {source.name} is described by frozen encoders, which need none; leave it out")
    return extract_frozen(source.config(), source.name, out, modalities=modalities, console=console, count=count)


def extract_frozen(
    config: Config,
    name: str,
    out: Path,
    *,
    modalities: Sequence[str] = (),
    console: Console,
    count: Count = uncounted,
) -> Store:
    """The store of what the frozen encoders of a config (resolved), called `name`, say of all images; of two stages,
    those of the first.

    Raises `UsageError` where an encoder that is to describe is not frozen.
    """
    model = config.first.model if config.first is not None else config.model
    pictured = [modality for modality, section in model.inputs.items() if kind_of(section).pictured]
    for modality in modalities:
        if modality not in pictured:
            raise UsageError(f"--modality {modality}: {name} has no such images; {did_you_mean(modality, pictured)}")
    names = [modality for modality in pictured if not modalities or modality in modalities]
    if not names:
        raise UsageError(f"{name}: reads no images, so there is nothing to describe")
    accelerator = make_accelerator()
    main_console = console if accelerator.is_main_process else Console(quiet=True)
    store = open_store(config, main_console, main_first(accelerator))
    splits = deal(config, store) if config.data.folds is None else store.splits
    # The model lies beside the store that it makes until that has it.
    beside = RunLayout(out.with_name(f"{out.name}.first{PARTIAL}"))
    described = describing_config(config, model, names)
    listener = count if accelerator.is_main_process else uncounted
    setting = Setting(described, beside, store, splits, accelerator, main_console, count=listener)
    try:
        extraction = replace(of_untrained(setting, untrained_model(setting), names), run=Path(name))
        descriptors = _left(extraction, setting, out)
    finally:
        if setting.is_main:
            shutil.rmtree(beside.folder, ignore_errors=True)
    accelerator.end_training()
    return descriptors


def extract_run(
    run: RunLayout,
    out: Path,
    *,
    modalities: Sequence[str] = (),
    folds: int | None = None,
    console: Console,
    count: Count = uncounted,
) -> Store:
    """The store of descriptors of a run in `out`, of all image modalities where none is named.

    Each study of a cross-validation is described by the fold model that did not see it. The members of an ensemble
    describe side by side. Raises `UsageError` where the run has no such models and its encoders were trained, unless
    `folds` asks for that many fold models.
    """
    crossed = run.folds.is_file()
    if crossed and folds is not None:
        raise UsageError(
            f"--folds: {run.folder} is a cross-validation, which has its own fold models; leave the option out"
        )
    if folds is not None and folds < 2:
        raise UsageError(f"--folds {folds}: a study is described by a model that did not see it; give 2 or more")
    accelerator = make_accelerator()
    main_console = console if accelerator.is_main_process else Console(quiet=True)
    setting, saved = _setting_of(run.fold(0) if crossed else run, accelerator, main_console)
    setting = replace(setting, count=count if accelerator.is_main_process else uncounted)
    names = chosen_modalities(saved, modalities)
    if crossed:
        setting = replace(setting, splits=setting.store.splits)
        extraction = _of_folds(run, setting, names)
    else:
        if saved.others:
            _check_ensemble(run, saved, names, folds)
        extraction = out_of_fold(setting, saved, names, folds=folds)
    descriptors = _left(extraction, setting, out)
    accelerator.end_training()
    return descriptors


def _left(extraction: Extraction, setting: Setting, out: Path) -> Store:
    """The store in `out`, and the lines that say what it holds and lacks."""
    store = setting.store
    described = {part for name in extraction.modalities for part in store.layout.parts(name)}
    pictured = [name for name, facts in store.stored.items() if KINDS[facts.kind].pictured]
    left_out = [name for name in pictured if name not in described]
    if left_out:
        setting.say(f"left out, for nothing describes it: {', '.join(left_out)}")
    descriptors = extract(extraction, setting, out)
    widths = ", ".join(f"{name} {facts.width}" for name, facts in extraction.facts().items())
    setting.say(f"{out}: {len(descriptors)} studies, values per descriptor: {widths}")
    return descriptors


def _check_ensemble(run: RunLayout, saved: SavedModel, modalities: Sequence[str], folds: int | None) -> None:
    """Raises `UsageError` for an ensemble of one split whose members have learned to describe images."""
    frozen = all(is_frozen(member.model, name) for member in saved.members for name in modalities)
    if folds is not None or not frozen:
        raise UsageError(
            f"{run.folder}: fold models of an ensemble of one split are not trained; extract an ensemble of "
            "cross-validations, or one of its members with --folds 5"
        )


def _setting_of(run: RunLayout, accelerator: Accelerator, console: Console) -> tuple[Setting, SavedModel]:
    """The setting in which a run was trained, and its model on the device."""
    saved = load_model(model_folder(run.folder)).to(accelerator.device)
    if (standing := unfinished(run.folder)) is not None:
        console.print(f"{run.folder}: {standing.sentence}", markup=False, highlight=False, soft_wrap=True)
    store = store_of(run, saved.config, accelerator)
    if any(own.fingerprint != store.fingerprint for own in stores_of_members(run, store)):
        raise UsageError(f"{run.folder}: its members read descriptors of their own first stages; extract one of them")
    return Setting(saved.config, run, store, splits_of(run, store), accelerator, console), saved


def _of_folds(run: RunLayout, setting: Setting, modalities: Sequence[str]) -> Extraction:
    """Each study of a cross-validation with the fold model that did not see it."""
    fold_of = {study: f"fold-{fold}" for study, fold in read_folds(run.folds).items()}
    describers: dict[str, Describer] = {}
    for fold in sorted(set(read_folds(run.folds).values()), key=str):
        inside, saved = _setting_of(run.fold(fold), setting.accelerator, setting.console)
        learned_from = frozenset(inside.store.patient_ids) - inside.splits.patients("test")
        describers[f"fold-{fold}"] = Describer(saved, inside.run.best, learned_from)
    store = setting.store
    missing = [study for study in store.study_ids if study not in fold_of]
    if missing:
        raise DataError(f"{run.folds}: has no fold for study '{missing[0]}' of {store.folder}; finish the run first")
    of_rows = [fold_of[study] for study in store.study_ids]
    return Extraction(run.folder, describers, of_rows, modalities, folds=len(describers))
