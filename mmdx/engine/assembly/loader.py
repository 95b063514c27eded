"""Studies of a store become batches. Nothing else builds a loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accelerate import Accelerator
from torch.utils.data import DataLoader

from mmdx.data.loading.collate import collate_for
from mmdx.data.loading.dataset import StudyDataset
from mmdx.data.loading.encoded import Encoded
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.loading.sampler import SliceBudgetSampler, repeat_factors
from mmdx.data.loading.traits import Table
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.engine.assembly.texts import target_texts
from mmdx.kinds import TABULAR
from mmdx.schema import Config


@dataclass(frozen=True)
class BatchRecipe:
    """What makes batches of studies: the config, the tokenizers of its texts, and what reads its tables, by input.

    `encoded` is what frozen encoders gave for the images of a store, by input; it takes the place of the pixels of that
    store, and of no other.
    """

    config: Config
    tokenizers: Mapping[str, ReportTokenizer] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    encoded: Mapping[str, Encoded] = field(default_factory=dict)

    def encoded_of(self, store: Store) -> dict[str, Encoded]:
        """What takes the place of the pixels of a store."""
        return {name: vectors for name, vectors in self.encoded.items() if vectors.fingerprint == store.fingerprint}


@dataclass(frozen=True)
class Share:
    """The share of the batches that one process loads; `pin` puts them into memory that a GPU copies from faster."""

    rank: int = 0
    world: int = 1
    pin: bool = False

    @classmethod
    def of(cls, accelerator: Accelerator) -> Share:
        pin = accelerator.device.type == "cuda"
        return cls(accelerator.process_index, accelerator.num_processes, pin)


ALL = Share()
"""Every batch, for a lone process."""


def build_loader(
    recipe: BatchRecipe,
    store: Store,
    rows: Sequence[int],
    *,
    shuffle: bool,
    shown: Sequence[str] | None = None,
    share: Share = ALL,
) -> tuple[DataLoader, SliceBudgetSampler]:
    """Loads `rows` of the store, one `Batch` at a time, with the sampler that orders them.

    `shown` are the modalities that are not withheld (None: all of the model's). Shuffled studies are those of training,
    of which `train.balance` lets some come more often, and whose slices may stand in any order where none is known.
    """
    config = recipe.config
    modalities, targets = list(config.model.inputs), target_texts(config, store, recipe.tokenizers)
    kinds = {name: TABULAR.name if name in config.data.tables else store.modalities[name].kind for name in modalities}
    maker = SampleMaker(
        {name: kind for name, kind in kinds.items() if shown is None or name in shown},
        findings=config.data.findings or store.findings,
        tokenizers=recipe.tokenizers,
        tables=recipe.tables,
        reading=Reading.of(config.data, config.seed),
        reports=config.data.reports,
        writes=targets,
    )
    encoded = recipe.encoded_of(store)
    any_order = shuffle and config.data.unknown_order == "random"
    studies = StudyDataset(store, rows, maker, encoded, any_order=any_order)
    sampler = SliceBudgetSampler(
        studies.images(),
        slices=config.train.slices,
        studies=config.train.studies,
        shuffle=shuffle,
        seed=config.seed,
        rank=share.rank,
        world=share.world,
    )
    if config.train.balance and shuffle:
        labels = store.labels[list(rows)][:, store.columns_of(config.data.findings or store.findings)]
        sampler.repeat(repeat_factors(labels, config.train.balance))
    loader: DataLoader = DataLoader(
        studies,
        batch_sampler=sampler,
        collate_fn=collate_for(store, modalities, recipe.tables, list(targets), encoded),
        num_workers=config.train.workers,
        persistent_workers=config.train.workers > 0,
        pin_memory=share.pin,
    )
    return loader, sampler
