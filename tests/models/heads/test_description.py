"""Descriptions on decoders whose words a person can foresee, what they may see, and two reports learned by heart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from parts import FACTS, batch_of, config_of, mixed_batch, model_of, sample

from mmdx.batch import Features
from mmdx.engine.training.objective import objective
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.description import DescriptionHead

BRANCHES = {"image": BranchSizes("images", items=6), "report": BranchSizes("text", items=5)}
WORDS = 6
"""Padding, unknown, and the words 2 to 5; 6 begins and 7 ends."""
BEGIN, END = 6, 7


def head(**options: Any) -> DescriptionHead:
    torch.manual_seed(0)
    small = {"layers": 1, "width": 8, "heads": 2, "max_words": 5, "beams": 1} | options
    return DescriptionHead(12, Findings(("bleed",), vocabularies={"report": WORDS}), BRANCHES, **small).eval()


def features(studies: int = 1, *, images: int = 2) -> dict[str, Features]:
    """Studies with so many images, and a report of three words."""

    def one(items: int, width: int) -> Features:
        mask = torch.ones(studies, max(items, 1), dtype=torch.bool) & (items > 0)
        return Features(torch.randn(studies, max(items, 1), width), mask, torch.zeros(studies, 12))

    torch.manual_seed(1)
    return {"image": one(images, 6), "report": one(3, 5)}


def says(decoder: DescriptionHead, following: Mapping[int, Mapping[int, float]]) -> DescriptionHead:
    """Has the decoder look at the last word alone: what follows it, with which probability."""
    network = decoder.network
    with torch.no_grad():
        for block in network.transformer.h:
            for parameter in block.parameters():
                parameter.zero_()
        network.transformer.wpe.weight.zero_()
        network.transformer.wte.weight.copy_(torch.eye(8))
        # A layer norm of a one-hot vector, made one-hot again.
        network.transformer.ln_f.weight.fill_(math.sqrt(7) / 8)
        network.transformer.ln_f.bias.fill_(1 / 8)
        table = torch.full((8, 8), -30.0)
        for before, chances in following.items():
            for after, chance in chances.items():
                table[after, before] = math.log(chance)
        network.lm_head.weight.copy_(table)
    return decoder


def test_a_forced_decoder_writes_its_words_and_stops():
    forced = says(head(), {BEGIN: {4: 1}, 4: {2: 1}, 2: {5: 1}, 5: {END: 1}})
    assert forced.write(features(2)) == [[4, 2, 5], [4, 2, 5]]


def test_lengths_are_held_to():
    endless = says(head(max_words=3), {BEGIN: {2: 1}, 2: {2: 1}})
    assert endless.write(features()) == [[2, 2, 2]]
    hasty = {BEGIN: {END: 0.9, 2: 0.1}, 2: {END: 0.9, 3: 0.1}, 3: {END: 1}}
    assert says(head(min_words=2), hasty).write(features()) == [[2, 3]]


def test_a_beam_finds_the_likelier_text_that_greed_misses():
    # Word by word: 2 (0.6), then a coin. As a whole: 3 4, 0.4 · 0.9, is likelier than 2 4 or 2 5, 0.6 · 0.5.
    fork = {BEGIN: {2: 0.6, 3: 0.4}, 2: {4: 0.5, 5: 0.5}, 3: {4: 0.9, 5: 0.1}, 4: {END: 1}, 5: {END: 1}}
    assert says(head(beams=1), fork).write(features())[0][0] == 2
    assert says(head(beams=4), fork).write(features()) == [[3, 4]]


def test_an_unknown_word_is_never_written():
    unsure = says(head(), {BEGIN: {1: 0.9, 3: 0.1}, 3: {END: 1}})
    assert unsure.write(features()) == [[3]]


def test_the_loss_is_a_mean_by_study_and_then_over_studies_with_a_report():
    decoder = says(head(), {BEGIN: {2: 0.5, 3: 0.5}, 2: {2: 0.25, END: 0.75}, 3: {END: 1}})
    batch = batch_of([sample(0, images=1, words=0), sample(1, images=1, words=1), sample(2, images=1, words=2)])
    words = batch.targets["report"].values
    words.copy_(torch.tensor([3, 2, 2]))
    encoded = features(3)
    logits = decoder(encoded, torch.zeros(3, 12), batch)
    assert decoder.targets(batch).tolist() == [3, END, 2, 2, END]
    # Study 1: 3 (0.5), end (1). Study 2: 2 (0.5), 2 (0.25), end (0.75). Study 0 has no report.
    expected = (-math.log(0.5) / 2 - math.log(0.5 * 0.25 * 0.75) / 3) / 2
    assert decoder.loss(logits, batch).item() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(decoder.probabilities(logits)[0], F.softmax(logits[0], dim=-1))


def test_without_any_report_the_loss_is_zero_and_still_attached():
    decoder, batch = head(), batch_of([sample(0, images=1, words=0), sample(1, images=2, words=0)])
    loss = decoder.loss(decoder(features(2), torch.zeros(2, 12), batch), batch)
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None for p in decoder.parameters())


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({}, ("image",)),
        ({"sees": "everything"}, ("image",)),
        ({"sees": "everything", "text_too": True}, ("image", "report")),
    ],
)
def test_a_report_is_not_among_what_it_sees_unless_asked(options, seen):
    decoder = head(**options)
    assert decoder.seen == seen
    encoded, batch = features(2), batch_of([sample(i, images=1, words=2) for i in range(2)])
    batch.targets["report"].values.fill_(3)  # of this decoder's few words
    before = decoder(encoded, torch.zeros(2, 12), batch)
    encoded["report"].items.add_(1)
    after = decoder(encoded, torch.ones(2, 12), batch)
    assert torch.equal(before, after) == ("report" not in seen)


def test_a_study_without_images_has_nothing_to_write_from():
    decoder = head()
    assert decoder.sees(features(2)).tolist() == [True, True]
    blind = features(2, images=0)
    assert decoder.sees(blind).tolist() == [False, False]
    assert decoder.write(blind)[0] == decoder.write(blind)[1]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"text": "reprot"}, "no text is called 'reprot'; did you mean 'report'"),
        ({"width": 9}, "width 9 does not divide by 2 heads"),
        ({"min_words": 6}, "min_words 6, max_words 5; give 1 <= min <= max"),
    ],
)
def test_what_cannot_be_built_is_refused(options, problem):
    with pytest.raises(UsageError, match=problem):
        head(**options)


def test_a_model_without_images_is_refused():
    with pytest.raises(UsageError, match="reads nothing to write 'report' from; add an image input"):
        DescriptionHead(12, Findings((), vocabularies={"report": 6}), {"report": BRANCHES["report"]})


def test_two_reports_are_learned_by_heart():
    options = {"layers": 1, "width": 32, "heads": 2, "beams": 2, "dropout": 0.0}
    model = model_of(config_of(heads={"study": "study", "describe": {"type": "description", **options}}), FACTS)
    batch = batch_of([sample(0, images=2, words=4), sample(1, images=3, words=6)])
    batch.targets["report"].values.copy_(torch.tensor([2, 3, 4, 5, 9, 8, 7, 8, 9, 10]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        objective(model, model(batch), batch)["describe"].backward()
        optimizer.step()
    decoder = model.eval().answering["describe"]
    assert isinstance(decoder, DescriptionHead)
    with torch.no_grad():
        assert decoder.write(model(batch).features) == [[2, 3, 4, 5], [9, 8, 7, 8, 9, 10]]


def test_a_study_is_described_alike_in_any_batch():
    model = model_of(config_of(heads={"study": "study", "describe": {"type": "description", "max_words": 8}})).eval()
    decoder, batch = model.answering["describe"], mixed_batch()
    assert isinstance(decoder, DescriptionHead)
    with torch.no_grad():
        together = decoder.write(model(batch).features)
        alone = decoder.write(model(batch_of([sample(3, images=5, words=2)])).features)
    assert alone == [together[3]]
    assert together[3] != together[2]  # the third study has no image
