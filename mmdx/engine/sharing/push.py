"""A run or a model folder goes to the Hub: packed, looked through, and then sent as one commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from mmdx import __version__
from mmdx.engine.assembly.model_files.copies import PATTERNS
from mmdx.engine.assembly.saved import load_description, lone_models
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.sharing.card import README, RESULTS, Benchmark, Shared, write_cards
from mmdx.engine.sharing.clean import lone_folders, write_clean
from mmdx.engine.sharing.known import KnownRun, check_private
from mmdx.engine.sharing.names import HubName
from mmdx.engine.sharing.origins import origins_of
from mmdx.engine.sharing.refusals import refusing
from mmdx.errors import UsageError, did_you_mean
from mmdx.files import ModelLayout
from mmdx.stats.cohort.unfinished import unfinished

LICENCES = (
    *("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
    *("cc-by-nc-nd-4.0", "cc0-1.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "openrail", "other", "unknown"),
)
"""The licences of the Hub that models have; another one is `other`."""
_SHARED = (*PATTERNS, README, f"{RESULTS}/*")
"""What is sent; files of these names that an earlier push left, and this one does not have, go."""


@dataclass(frozen=True)
class Terms:
    """On which terms a model is shared: its `licence` (None: unknown), whether everybody may read it, and of which data
    set of the Hub its results are (None: of that of the training, where it was one)."""

    licence: str | None = None
    public: bool = False
    benchmark: Benchmark | None = None

    def __post_init__(self) -> None:
        if self.licence is not None and self.licence not in LICENCES:
            raise UsageError(f"--license {self.licence}: no licence of the Hub; {did_you_mean(self.licence, LICENCES)}")


@dataclass(frozen=True)
class Parcel:
    """What is shared: `files` by name with their bytes, and `notes`, sentences that the owner should read."""

    folder: Path
    files: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Pushed:
    """What was pushed, or would be: to where (None: nowhere yet), which files with how many bytes, and `notes`."""

    repository: str
    address: str | None
    public: bool
    files: dict[str, int]
    notes: tuple[str, ...]


def push(run: Path, repository: str, terms: Terms, *, token: str | None = None, dry: bool = False) -> Pushed:
    """Pushes the model in a run or model folder to `repository`, `user/name`; `dry`: packs it, and pushes nothing.

    Raises `UsageError` where it may not be written there, or something else or the public is there already, and
    `DataError` where a file holds what tells of a patient or of this machine.
    """
    name = HubName(repository)
    with packed(run, repository, terms, ask=not dry) as parcel:
        address = None if dry else _send(parcel, name, terms, token)
        return Pushed(repository, address, terms.public, parcel.files, parcel.notes)


@contextmanager
def packed(run: Path, repository: str, terms: Terms, *, ask: bool = False) -> Iterator[Parcel]:
    """What would be pushed, in a temporary folder that goes with the block."""
    with TemporaryDirectory(prefix="mmdx-") as temporary:
        yield pack(run, Path(temporary), repository, terms, ask=ask)


def pack(run: Path, out: Path, repository: str, terms: Terms, *, ask: bool = False) -> Parcel:
    """Writes what may be shared of a run or a model folder into the folder `out`, and looks through it; with `ask`, the
    Hub is asked for the licences of weights that it holds. Where it raises, what is in `out` may not be shared."""
    folder = model_folder(run)
    if (standing := unfinished(run)) is not None:
        raise UsageError(f"{run}: is {standing.sentence}; a model is shared when its training has ended")
    known = KnownRun.of(run)
    write_clean(folder, out, None if known is None else known.trait_patients())
    shared = _shared(folder, known, repository, terms, ask=ask)
    write_cards(out, shared)
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    files = {path.relative_to(out).as_posix(): path.stat().st_size for path in paths}
    check_private(out, list(files), known)
    return Parcel(out, files, tuple(_notes(shared, terms)))


def _shared(folder: Path, known: KnownRun | None, repository: str, terms: Terms, *, ask: bool) -> Shared:
    descriptions = [load_description(place)[:2] for place in lone_folders(folder)]
    config, facts = load_description(folder)[:2]
    if not facts.trained:
        raise UsageError(f"{folder}: only describes images for a second stage, and answers nothing; share that stage")
    members = lone_models(folder)
    calibrated = all(ModelLayout(one).calibration.is_file() or ModelLayout(one).stack.is_file() for one in members)
    origins = origins_of([config for config, _ in descriptions], ask=ask)
    shared = Shared(repository, terms.licence, config, facts, len(members), calibrated, origins)
    if known is None:
        return shared
    data_set = known.data_set()
    return replace(
        shared,
        parts=known.parts(),
        results=known.results(),
        thresholds=known.thresholds(shared.fullest, facts.findings),
        benchmark=terms.benchmark or (Benchmark(data_set) if data_set else None),
    )


def _notes(shared: Shared, terms: Terms) -> Iterator[str]:
    """What the owner should know before anybody else does."""
    if terms.licence is None:
        yield "licence: unknown, so that nobody may use it; --license says which it is"
    yield from (f"built on {origin.words}" for origin in shared.origins)
    if shared.results and shared.benchmark is None:
        yield f"no {RESULTS}: results of the Hub are of its data sets; --benchmark says which one was tested on"
    masked = shared.config.data.reports.mask
    if masked:
        yield f"config.yaml holds the {len(masked)} terms that are masked in reports; look at them"
    traits = [column.name for facts in shared.facts.inputs.values() for column in facts.columns if column.words]
    if traits:
        of_one = "are taken out" if shared.parts else "stay, for only its run tells which these are: look at them"
        yield f"model.json holds the words of {', '.join(traits)}; those of one patient alone {of_one}"
    if shared.config.plugins:
        yield f"it loads where {', '.join(shared.config.plugins)} is installed"
    yield "it learned from patients: the Hub can ask people before they get it (Settings, Access requests)"


def _send(parcel: Parcel, name: HubName, terms: Terms, token: str | None) -> str:
    api = HfApi(token=token, library_name="mmdx", library_version=__version__)
    with refusing(name, writing=True):
        _check_place(api, name, terms)
        api.create_repo(name.repository, private=not terms.public, exist_ok=True)
        api.upload_folder(
            repo_id=name.repository,
            folder_path=parcel.folder,
            allow_patterns=[*_SHARED],
            delete_patterns=[*_SHARED],
            commit_message=f"Model of mmdx {__version__}",
        )
    return f"{constants.ENDPOINT}/{name.repository}"


def _check_place(api: HfApi, name: HubName, terms: Terms) -> None:
    """Raises `UsageError` where nobody is logged in, and where what lies there is no model of mmdx, or is public
    while this one is not meant to be."""
    api.whoami()
    try:
        there = api.model_info(name.repository)
    except RepositoryNotFoundError:
        return
    files = {sibling.rfilename for sibling in there.siblings or ()} - {".gitattributes", README}
    if files and not files & {ModelLayout(Path()).facts.name, ModelLayout(Path()).ensemble.name}:
        raise UsageError(f"{name}: holds something else than a model of mmdx; choose another name")
    if not there.private and not terms.public:
        raise UsageError(
            f"{name}: is public already; add --public if everybody may read this model, or make it private"
        )
