"""Whether an exported model answers as mmdx does: random studies through both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.export.feeds import Feed, feed_of
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.inference.study import read_study
from mmdx.extras import needed_by
from mmdx.kinds import KINDS

MOST = 1e-4
"""How far an answer may be from that of mmdx."""
LENGTHS = (1, 2, 7, 30)
"""Images, and words times four, of the studies by which it is measured."""


Answers = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
"""What is fed, by name, to what an exported model says, by name."""


class Runtime:
    """An ONNX file in onnxruntime, on the CPU, by one thread."""

    def __init__(self, path: Path) -> None:
        with needed_by("mmdx export", "onnxruntime", "export"):
            import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, fed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = [output.name for output in self._session.get_outputs()]
        said: Any = self._session.run(names, dict(fed))
        return dict(zip(names, said, strict=True))


def largest_difference(saved: SavedModel, feeds: Sequence[Feed], answered: Answers) -> float:
    """The largest difference between probabilities of `mmdx predict` and of an exported model, over random studies of
    `LENGTHS` images with everything that is fed, and with each input of it alone."""
    return max(difference(saved, feeds, answered, study) for study in random_studies(saved, feeds))


def difference(saved: SavedModel, feeds: Sequence[Feed], answered: Answers, study: Any) -> float:
    """The same of one study, which has nothing beyond what is fed."""
    batch = read_study(saved, study).batch
    said = answered({name: tensor.numpy() for name, tensor in feed_of(batch, feeds).items()})
    prediction = predict_study(saved, study)
    differences = [0.0]
    for name, head in saved.model.answering.items():
        if head.level == "study":
            expected, own = np.array([[*prediction.findings.values()]]), said[name]
        elif head.modality is not None and bool(batch.present(head.modality)[0]):
            order = batch.slice_numbers[head.modality].argsort().numpy()
            expected, own = np.stack([*map(np.array, prediction.slices.values())], axis=1), said[name][order]
        else:
            continue
        differences.append(float(np.abs(expected - own).max()) if expected.shape == own.shape else float("inf"))
    return max(differences)


def random_studies(saved: SavedModel, feeds: Sequence[Feed], *, seed: int = 0) -> Iterator[ArrayStudy]:
    """Studies of noise and of words that the model knows: with everything, and the inputs one by one."""
    rng = np.random.default_rng(seed)
    inputs = [feed.input for feed in feeds if feed.input == feed.name]
    alone = [[name] for name in inputs] if len(inputs) > 1 else []
    for count in LENGTHS:
        yield _study(saved, inputs, count, rng)
    for names in alone:
        yield _study(saved, names, LENGTHS[1], rng)


def _study(saved: SavedModel, names: Sequence[str | None], count: int, rng: np.random.Generator) -> ArrayStudy:
    modalities: dict[str, ImageArrays | str] = {}
    traits: dict[str, str | float] = {}
    for name in (name for name in names if name is not None):
        facts, size = saved.facts.inputs[name], saved.facts.size
        if KINDS[facts.kind].pictured:
            for part in saved.config.data.stacks.get(name, (name,)):
                channels = dict(facts.details).get(part, facts.channels)
                shape = (count, size, size, *([3] if channels == 3 else []))
                low, high, dtype = (-200, 300, np.int16) if facts.unit == "HU" else (0, 256, np.uint8)
                modalities[part] = ImageArrays(rng.integers(low, high, shape).astype(dtype))
        elif KINDS[facts.kind].worded:
            tokenizer = saved.tokenizers[name]
            modalities[name] = " ".join(tokenizer.words(rng.integers(2, tokenizer.vocabulary, 4 * count).tolist()))
        else:
            traits |= {c.name: str(rng.choice(c.words)) if c.words else c.mean + c.sd for c in facts.columns}
    return ArrayStudy(modalities, traits=traits)
