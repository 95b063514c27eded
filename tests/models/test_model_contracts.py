"""Contracts that every registered part of a model keeps; registering a part enrols it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from parts import (
    CT_FACTS,
    FACTS,
    IMAGES,
    TABLE_FACTS,
    VECTOR_FACTS,
    WORDS,
    batch_of,
    config_of,
    mixed_batch,
    model_of,
    sample,
    tiny_bert,
)

from mmdx.batch import Batch, Output, Packed, Sample
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.training.objective import objective
from mmdx.models.model import MultimodalModel, trainable
from mmdx.registry import (
    FUSIONS,
    HEADS,
    IMAGE_ENCODERS,
    IMAGE_VIEWS,
    INSTANCE_POOLINGS,
    LOSSES,
    SEQUENCES,
    TABLE_ENCODERS,
    TEXT_ENCODERS,
    VECTOR_ENCODERS,
)
from mmdx.schema import Config

PARTS = [
    *[("image_encoder", name) for name in IMAGE_ENCODERS.names()],
    *[("view", name) for name in IMAGE_VIEWS.names()],
    *[("sequence", name) for name in SEQUENCES.names()],
    *[("vector_encoder", name) for name in VECTOR_ENCODERS.names()],
    *[("text_encoder", name) for name in TEXT_ENCODERS.names()],
    *[("table_encoder", name) for name in TABLE_ENCODERS.names()],
    *[("fusion", name) for name in FUSIONS.names()],
    *[("loss", name) for name in LOSSES.names()],
    *[("head", name) for name in HEADS.names()],
    *[("instance_pooling", name) for name in INSTANCE_POOLINGS.names()],
]
OPTIONS = {"timm": {"name": "test_resnet"}, "boxes": {"levels": 1, "hidden": 8}}
"""Options that a part needs to be small enough for a test; a part that is not named here takes its defaults."""


@dataclasses.dataclass(frozen=True)
class Case:
    config: Config
    facts: ModelFacts
    unit: str
    second: str

    def model(self) -> MultimodalModel:
        return model_of(self.config, self.facts)

    def batch(self) -> Batch:
        return mixed_batch(self.unit, second=self.second)

    def batch_of(self, sizes: Sequence[tuple[int, int]]) -> Batch:
        """Studies of so many images and words (or descriptors)."""
        return batch_of(self.samples(sizes), self.unit, second=self.second)

    def samples(self, sizes: Sequence[tuple[int, int]]) -> list[Sample]:
        return [sample(i, images=n, words=w, unit=self.unit, second=self.second) for i, (n, w) in enumerate(sizes)]


@pytest.fixture(params=PARTS, ids=lambda part: f"{part[0]}-{part[1]}")
def case(request, tmp_path) -> Case:
    kind, name = request.param
    component = {"type": name, **OPTIONS.get(name, {})}
    if kind == "text_encoder" and name == "transformer":
        component["source"] = tiny_bert(tmp_path / "bert")
        component["max_tokens"] = 64
    config = {
        "image_encoder": lambda: config_of(image={**IMAGES, "encoder": component}),
        "view": lambda: config_of(image={**IMAGES, "view": component}),
        "sequence": lambda: config_of(image={**IMAGES, "sequence": component}),
        "vector_encoder": lambda: config_of(report={"encoder": component}),
        "text_encoder": lambda: config_of(report={"encoder": component}),
        "fusion": lambda: config_of(fusion=component),
        "table_encoder": lambda: config_of(report={"encoder": component}),
        "loss": lambda: config_of(heads={level: {"type": level, "loss": component} for level in ("study", "slice")}),
        "head": lambda: config_of(heads={"only": component}),
        "instance_pooling": lambda: config_of(heads={"study": {"type": "study", "slices": component}}),
    }[kind]()
    second = {"vector_encoder": "vectors", "table_encoder": "tabular"}.get(kind, "text")
    facts = {"vectors": VECTOR_FACTS, "tabular": TABLE_FACTS, "text": FACTS}[second]
    if name == "windows":
        facts = CT_FACTS
    if name == "cross_entropy":
        facts = dataclasses.replace(FACTS, findings=("bleed/no", "bleed/yes"))
    return Case(config, facts, "HU" if name == "windows" else "intensity", second)


def run(model: MultimodalModel, batch: Batch) -> Output:
    with torch.no_grad():
        return model.eval()(batch)


def slice_of(output: Output, batch: Batch, study: int) -> dict[str, torch.Tensor]:
    """The rows of one study: study heads have one a study, slice heads one an image, text heads one a word."""
    images = batch.inputs["image"].lengths.tolist()
    words = [count + 1 if count else 0 for count in batch.targets["report"].lengths.tolist()]
    found = {}
    for name, logits in output.logits.items():
        whole = len(logits) == len(batch.study_ids) and name != "slice"
        lengths = words if len(logits) == sum(words) else images
        start = sum(lengths[:study])
        found[name] = logits[study : study + 1] if whole else logits[start : start + lengths[study]]
    return found


def test_a_study_does_not_depend_on_its_batch(case):
    model, sizes = case.model(), [(3, 5), (1, 0), (0, 4), (5, 2)]
    samples = case.samples(sizes)
    together = batch_of(samples, case.unit, second=case.second)
    output = run(model, together)
    level = next(iter(model.heads.values())).level
    for index, one in enumerate(samples):
        alone = run(model, batch_of([one], case.unit, second=case.second))
        torch.testing.assert_close(alone.fused, output.fused[index : index + 1], atol=1e-5, rtol=1e-5)
        if len(model.heads) > 1 or level != "slice":
            for name, rows in slice_of(output, together, index).items():
                torch.testing.assert_close(alone.logits[name], rows, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("absent", ["image", "report"])
def test_an_absent_modality_cannot_matter(case, absent):
    model = case.model()
    with_it = [(0, 4), (0, 6)] if absent == "image" else [(2, 0), (4, 0)]
    batch = case.batch_of(with_it)
    before = run(model, batch)
    with torch.no_grad():
        for parameter in model.branches[absent].parameters():
            parameter.fill_(torch.nan)
    after = run(model, batch)
    for name, logits in before.logits.items():
        assert logits.isfinite().all()
        torch.testing.assert_close(after.logits[name], logits, atol=0, rtol=0)


def test_a_poisoned_branch_spares_studies_without_it(case):
    model = case.model()
    batch = case.batch_of([(2, 3), (2, 0)])
    before = run(model, batch)
    with torch.no_grad():
        for parameter in model.branches["report"].parameters():
            parameter.fill_(torch.nan)
    torch.testing.assert_close(run(model, batch).fused[1], before.fused[1], atol=1e-6, rtol=1e-6)


def test_every_parameter_learns(case):
    model, batch = case.model(), case.batch()
    model.train()
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    still = [name for name, _ in trainable(model)]
    # Residual blocks that start at zero pass gradients on from the second step.
    for _ in range(3):
        optimizer.zero_grad()
        objective(model, model(batch), batch)["loss"].backward()
        moved = {name for name, p in trainable(model) if p.grad is not None and p.grad.abs().sum() > 0}
        still = [name for name in still if name not in moved]
        optimizer.step()
    # A head that reads the images alone leaves the fusion without a task: learning is asked of what it reaches.
    if {head.level for head in model.heads.values()} <= {"slice", "text"}:
        still = [
            n for n in still if not n.startswith(("fusion", "stand_ins", "branches.report", "branches.image.project"))
        ]
    # Late fusion gives what is absent no weight: there a stand-in has no task.
    if case.config.model.fusion.type == "late":
        still = [n for n in still if not n.startswith("stand_ins")]
    # A study without images has no image that a box could lie on.
    if {head.level for head in model.heads.values()} == {"box"}:
        still.remove("stand_ins.vectors.image")
    assert still == []


def test_state_round_trips(case):
    torch.manual_seed(0)
    first, facts = build_model(case.config, case.facts)
    torch.manual_seed(99)
    second, _ = build_model(case.config, facts)
    second.load_state_dict(first.state_dict())
    batch = case.batch()
    torch.testing.assert_close(run(second, batch).fused, run(first, batch).fused, atol=0, rtol=0)


def test_bf16_runs(case):
    model, batch = case.model().train(), case.batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(batch)
    losses = objective(model, output, batch)
    assert losses["loss"].dtype == torch.float32
    assert losses["loss"].isfinite()


def test_shapes(case):
    model, batch = case.model(), case.batch()
    output = run(model, batch)
    assert output.fused.shape == (5, 12)
    assert output.present.tolist() == [[True, True], [True, False], [False, True], [True, True], [True, True]]
    for name, head in model.heads.items():
        # 18 words and the ends of four reports; the words, a beginning and an end. 16 cells say where they are (3) and
        # six numbers for each of two findings.
        shape = {"study": (5, 2), "slice": (11, 2), "box": (11, 16, 15), "text": (22, WORDS + 2)}[head.level]
        assert output.logits[name].shape == shape
        assert head.targets(batch).shape == (shape[:1] if head.level == "text" else (*shape[:1], 2))


def test_unknown_labels_touch_nothing(case):
    """A study whose labels are all unknown gives the gradients that a batch without its loss would give."""
    model = case.model().eval()
    batch = case.batch()
    blank = dataclasses.replace(
        batch,
        labels=torch.full_like(batch.labels, torch.nan),
        slice_labels={name: torch.full_like(rows, torch.nan) for name, rows in batch.slice_labels.items()},
        boxes={},
        targets={name: Packed(text.values[:0], 0 * text.lengths) for name, text in batch.targets.items()},
    )
    loss = objective(model, model(blank), blank)["loss"]
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or p.grad.abs().max() == 0 for _, p in trainable(model))
