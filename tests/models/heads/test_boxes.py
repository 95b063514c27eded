"""Boxes: which cell answers for what, what is known, and what comes out."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from parts import IMAGES, batch_of, config_of, model_of, sample

from mmdx.batch import Boxes, Features
from mmdx.engine.training.objective import objective
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.boxes import BoxHead, assign, cell_places, centrality, corners_of, known_boxes, weak_loss
from mmdx.models.image import TimmEncoder

NAN = torch.nan


def boxes(*rows: tuple[int, int, float, float, float, float]) -> Boxes:
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return Boxes(table[:, 2:], table[:, 0].long(), table[:, 1].long())


def head(**options) -> BoxHead:
    return BoxHead(
        4, Findings(("a", "b")), {"image": BranchSizes("images", items=4, maps=(6,))}, levels=1, hidden=8, **options
    )


def places(*maps: tuple[int, int], side: int = 32) -> torch.Tensor:
    return cell_places([torch.Size(each) for each in maps], torch.Size((side, side)))


def test_cells_stand_map_after_map_and_row_after_row():
    assert places((2, 2), (1, 1)).tolist() == [[8, 8, 16], [24, 8, 16], [8, 24, 16], [24, 24, 16], [16, 16, 32]]


def test_the_one_cell_in_a_box_answers_for_it():
    owner = assign(boxes((1, 0, 18, 2, 30, 14)), places((2, 2)), 2, 2)
    assert owner.shape == (2, 4, 2)
    assert owner[1, :, 0].tolist() == [-1, 0, -1, -1]
    assert (owner[0] == -1).all()
    assert (owner[1, :, 1] == -1).all()


def test_a_box_between_cells_has_the_nearest_and_the_smaller_of_two_wins():
    # Cells of 8 pixels have their middles at 4, 12, 20, 28; the first box holds none of them.
    owner = assign(boxes((0, 0, 5, 5, 7, 7)), places((4, 4)), 1, 1)
    assert owner.flatten().tolist() == [0] + [-1] * 15
    owner = assign(boxes((0, 0, 0, 0, 16, 16), (0, 0, 2, 2, 7, 7)), places((4, 4)), 1, 1)
    assert owner.reshape(4, 4)[:2, :2].tolist() == [[1, 0], [0, 0]]


def test_a_large_box_belongs_to_the_coarse_map():
    # Cells of 4 and of 8 pixels: the farthest edge is at least 32 away, which is 8 cells of the fine map.
    owner = assign(boxes((0, 0, 0, 0, 64, 64)), places((16, 16), (8, 8), side=64), 1, 1).flatten()
    assert (owner[:256] == -1).all()
    assert (owner[256:].reshape(8, 8) == 0).nonzero().tolist() == [[3, 3], [3, 4], [4, 3], [4, 4]]


def test_distances_are_in_sides_of_the_cell():
    said = torch.tensor([[0.0, 0.5, 0.25, 1, 0.75, 0]])
    assert corners_of(torch.tensor([[16.0, 16, 8]]), said).tolist() == [[12, 14, 24, 22]]


def test_centrality_falls_from_the_middle_to_the_edge():
    cells = torch.tensor([[8.0, 8, 4], [4, 8, 4], [20, 8, 4]])
    truth = torch.tensor([[0.0, 0, 16, 16]]).expand(3, 4)
    torch.testing.assert_close(centrality(cells, truth), torch.tensor([1.0, (4 / 12) ** 0.5, 1.0]))


def labelled(rows: list[list[float]], found: Boxes):
    batch = batch_of([sample(0, images=len(rows), words=2)])
    return dataclasses.replace(
        batch, slice_labels={"image": torch.tensor(rows, dtype=torch.float32)}, boxes={"image": found}
    )


def test_what_is_known_of_boxes():
    batch = labelled([[0, 1], [1, 1], [NAN, NAN]], boxes((1, 1, 2, 2, 9, 9), (2, 0, 2, 2, 9, 9)))
    expected = torch.tensor([[0, NAN], [NAN, 1], [1, NAN]])
    torch.testing.assert_close(known_boxes(batch, "image"), expected, equal_nan=True)


def test_unknown_boxes_are_no_negatives():
    # A label of 1 without a box: the answers there may be anything.
    batch, answer = labelled([[1, 0]], boxes()), head()
    logits = torch.zeros(1, 4, 15)
    logits[0, :, :3] = places((2, 2))
    loud = logits.clone()
    loud[0, :, 3] = 9.0
    assert answer.loss(loud, batch) == answer.loss(logits, batch)
    loud[0, :, 9] = 9.0
    assert answer.loss(loud, batch) > answer.loss(logits, batch)


def test_a_positive_slice_without_a_box_costs_what_its_likeliest_cells_deny():
    # Six cells of two findings on one image: the four likeliest of the first say 3, 1, 0, 0, and mean 1.
    cells = torch.tensor([[3.0, 9], [1, 9], [0, 9], [0, 9], [-5, 9], [-7, 9]])[None]
    positive = torch.tensor([[True, False]])
    assert weak_loss(cells, positive).item() == pytest.approx(0.31326, abs=1e-5)  # log(1 + exp(-1))
    assert weak_loss(cells, ~positive | True).item() == pytest.approx((0.31326 + 0.00012) / 2, abs=1e-5)
    assert weak_loss(cells, positive & False) == 0


def test_only_slices_whose_boxes_are_unknown_are_weak():
    # Finding a has a box on the first image; b is positive there without one, and absent on the second.
    batch = labelled([[1, 1], [0, 0]], boxes((0, 0, 18, 2, 30, 14)))
    logits = torch.zeros(2, 4, 15)
    logits[..., :3] = places((2, 2))
    without, loud = head().loss(logits, batch), logits.clone()
    assert head(weak=2.0).loss(logits, batch).item() == pytest.approx(without.item() + 2 * 0.693147, abs=1e-5)
    loud[0, :, 9] = 20.0
    assert head(weak=2.0).loss(loud, batch).item() == pytest.approx(without.item(), abs=1e-5)


def test_findings_share_their_edges_where_they_are_few():
    batch = batch_of([sample(0, images=2, words=2)])
    model = model_of(config_of(heads={"boxes": {"type": "boxes", "levels": 1, "hidden": 8, "shared": True}}))
    torch.nn.init.normal_(model.heads["boxes"].classify.cls_logits.weight)
    logits = model.eval()(batch).logits["boxes"].detach()
    answers = logits[..., 3:].reshape(2, 16, 2, 6)
    assert answers[:, :, 0, 1:].equal(answers[:, :, 1, 1:])
    assert not answers[:, :, 0, 0].equal(answers[:, :, 1, 0])


@pytest.mark.parametrize("mirror", [False, True])
def test_a_cell_sees_the_one_that_mirrors_it_only_where_it_is_asked_to(mirror):
    answer, batch = head(mirror=mirror, layers=0), batch_of([sample(0, images=1, words=2)])
    maps = torch.randn(1, 6, 1, 9, generator=torch.Generator().manual_seed(0))
    changed = maps.clone()
    changed[..., 8] += 1.0

    def first_cell(image: torch.Tensor) -> torch.Tensor:
        none = torch.zeros(1, 1, 4)
        features = Features(none, torch.ones(1, 1, dtype=torch.bool), none[0], maps=(image,))
        return answer({"image": features}, none[0], batch)[0, 0].detach()

    assert first_cell(maps).equal(first_cell(changed)) is not mirror


def test_the_right_box_costs_next_to_nothing():
    batch, answer = labelled([[1, 0]], boxes((0, 0, 18, 2, 30, 14))), head()
    logits = torch.zeros(1, 4, 15)
    logits[0, :, :3] = places((2, 2))
    logits[0, :, [3, 9]] = -20.0
    # The cell in the middle of the box: 6 pixels to each edge are 0.375 of its side.
    logits[0, 1, 3:9] = torch.tensor([20.0, 0.375, 0.375, 0.375, 0.375, 20.0])
    assert answer.loss(logits, batch).item() == pytest.approx(0, abs=1e-4)
    found, scores = answer.boxes(logits, 32, 32)
    torch.testing.assert_close(found.corners, torch.tensor([[18.0, 2, 30, 14]]))
    assert (found.images.tolist(), found.findings.tolist()) == ([0], [0])
    assert scores.item() == pytest.approx(1, abs=1e-4)


def test_a_batch_without_boxes_is_divided_by_what_batches_have_on_average():
    # One cell in a box, then none: the mean is 0.9 of the first and 0.1 of the second, over what has been seen.
    logits = torch.zeros(1, 4, 15)
    logits[0, :, :3] = places((2, 2))
    boxed, empty = labelled([[1, 0]], boxes((0, 0, 2, 2, 30, 30))), labelled([[0, 0]], boxes())
    fresh, trained = head(), head()
    alone = fresh.loss(logits, empty).item()
    trained.loss(logits, boxed)
    cells = trained.seen[0].item() / 0.1
    assert cells > 1
    after = trained.loss(logits, empty).item()
    assert after == pytest.approx(alone / (0.09 * cells / 0.19), rel=1e-5)
    trained.eval()
    assert trained.loss(logits, empty).item() == pytest.approx(after, rel=1e-6)
    assert trained.loss(logits, empty).item() == pytest.approx(after, rel=1e-6)


def test_weights_that_did_not_count_boxes_are_loaded():
    earlier = {name: value for name, value in head().state_dict().items() if name != "seen"}
    loaded = head()
    loaded.load_state_dict(earlier)
    assert loaded.seen.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="Missing key"):
        loaded.load_state_dict({})


def test_of_boxes_that_overlap_the_likeliest_stays_and_images_have_so_many():
    logits = torch.zeros(2, 4, 15)
    logits[:, :, :3] = places((2, 2))
    logits[:, :, 4:8] = 1.0  # boxes of 32 pixels around the middles, clipped to quarters and more
    logits[:, :, 3], logits[:, :, 9] = 2.0, -20.0
    logits[0, 0, 3] = 5.0
    found, scores = head(overlap=0.1).boxes(logits, 32, 32)
    assert found.images.tolist() == [0, 1]
    assert scores[0] > scores[1]
    found, _ = head(overlap=1.0, most=3).boxes(logits, 32, 32)
    assert found.images.bincount().tolist() == [3, 3]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext"])
def test_maps_come_with_the_vectors_that_forward_gives(name):
    torch.manual_seed(0)
    encoder = TimmEncoder(2, None, name=name).eval()
    images = torch.rand(3, 2, 64, 64)
    vectors, maps = encoder.with_maps(images, 2)
    torch.testing.assert_close(vectors, encoder(images))
    assert [each.shape[1:] for each in maps] == [(encoder.maps[-2], 4, 4), (encoder.maps[-1], 2, 2)]


def test_an_encoder_without_maps_is_refused():
    vit = {**IMAGES, "encoder": {"type": "timm", "name": "test_vit"}}
    with pytest.raises(UsageError, match="gives 0 feature maps, and 3 are asked for"):
        model_of(config_of(image=vit, heads={"boxes": "boxes"}))


def test_nothing_is_kept_unless_a_head_asks():
    batch = batch_of([sample(0, images=2, words=2)])
    assert model_of(config_of())(batch).features["image"].maps == ()


def test_training_finds_the_square():
    """A few steps on two images, of which one has a box, bring a box that overlaps it."""
    batch = batch_of([sample(0, images=2, words=2)])
    pixels = torch.zeros_like(batch.inputs["image"].values)
    pixels[0, :, 8:24, 8:16] = 255
    batch = dataclasses.replace(
        labelled([[1, 0], [0, 0]], boxes((0, 0, 8, 8, 16, 24))),
        inputs={**batch.inputs, "image": dataclasses.replace(batch.inputs["image"], values=pixels)},
    )
    model = model_of(config_of(heads={"boxes": {"type": "boxes", "levels": 1, "hidden": 16}}))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        objective(model, model(batch), batch)["loss"].backward()
        optimizer.step()
    answer = model.heads["boxes"]
    assert isinstance(answer, BoxHead)
    found, _ = answer.boxes(model.eval()(batch).logits["boxes"].detach(), 32, 32)
    assert found.images[0] == 0
    assert found.corners[0].tolist() == pytest.approx([8, 8, 16, 24], abs=3)
