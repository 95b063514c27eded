"""What a step of a planned training costs on this machine: timed on made studies of the sizes that real ones have.

The model is that of the plan, with its pretrained weights; pixels, words and labels are drawn. What a step takes does
not depend on what they show.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.experiments.untrained import describing_config
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.made import made_batch, made_facts
from mmdx.engine.processes import ready_cpu
from mmdx.engine.training.objective import objective
from mmdx.engine.training.optimizer import make_optimizer
from mmdx.models.branches.images import AT_ONCE, ImageBranch
from mmdx.schema import Config, FirstStage

ROUNDS = 3
"""Steps that are timed after a first one, which warms up; the median counts."""
STUDIES, SLICES = 4, 48
"""Studies of a timed batch, fewer where they hold more images together than this."""


@dataclass(frozen=True)
class Cost:
    """What a plan costs.

    `encode` seconds for one image that a frozen encoder sees once (0 without one), `study` seconds for one study in a
    step of training, and `slice_bytes` that a step keeps for each image, or descriptor, until it has gone backward.
    """

    encode: float
    study: float
    slice_bytes: int


Timing = Callable[[Config, Cohort], Cost]


def timed(config: Config, cohort: Cohort) -> Cost:
    """Times a plan on this machine, with as many threads as make it fastest."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        ready_cpu()
    with _threads(), torch.random.fork_rng(devices=()):
        torch.manual_seed(config.seed)
        encode = _encoding(config, config.first, cohort, device) if config.first is not None else 0.0
        study, slice_bytes = _training(config, cohort, device)
    return Cost(encode, study, slice_bytes)


def _encoding(config: Config, first: FirstStage, cohort: Cohort, device: torch.device) -> float:
    """Seconds of an image in the frozen encoder of the first stage; its inputs have encoders of one kind."""
    names = list(first.model.inputs)[:1]
    described = describing_config(config, first.model, names)
    model, _ = build_model(described, made_facts(described, cohort))
    branch = model.to(device).eval().branches[names[0]]
    if not isinstance(branch, ImageBranch):
        return 0.0
    packed = made_batch(described, cohort, studies=1, items=AT_ONCE).to(device).inputs[names[0]]
    with torch.inference_mode():
        return _seconds(lambda: branch.vectors_of(packed), device) / len(packed.values)


def _training(config: Config, cohort: Cohort, device: torch.device) -> tuple[float, int]:
    """Seconds of a study in a step of training, and the bytes that its images keep, each."""
    model, _ = build_model(config, made_facts(config, cohort))
    model.to(device).train()
    items = max((held.mean for held in (*cohort.pictures.values(), *cohort.vectors.values())), default=1)
    studies = max(1, min(STUDIES, SLICES // items))
    batch = made_batch(config, cohort, studies=studies).to(device)
    optimizer = make_optimizer(model, config.train)
    count = max(
        1, sum(len(packed.values) for name, packed in batch.inputs.items() if kind_of(config.model.inputs[name]).sliced)
    )

    def step() -> None:
        objective(model, model(batch), batch)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    with _kept_bytes() as kept:
        step()
    return _seconds(step, device) / studies, sum(kept) // count


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of some work, the median of a few rounds after one that warms up, with the better number of threads."""
    best = float("inf")
    counts = sorted({1, torch.get_num_threads()}) if device.type == "cpu" else [torch.get_num_threads()]
    for count in counts:
        torch.set_num_threads(count)
        rounds = []
        for _ in range(1 + ROUNDS):
            begin = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            rounds.append(time.perf_counter() - begin)
        best = min(best, median(rounds[1:]))
    return best


@contextmanager
def _threads() -> Iterator[None]:
    """torch's threads as before after the block."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _kept_bytes() -> Iterator[list[int]]:
    """The bytes of every tensor that the block keeps to go backward, each storage once."""
    seen: set[int] = set()
    sizes: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # Parameters are kept as well, but do not grow with the number of images.
        if storage.data_ptr() not in seen and not isinstance(tensor, nn.Parameter):
            seen.add(storage.data_ptr())
            sizes.append(storage.nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes
