"""Descriptors of any width and scale become vectors of ours."""

from __future__ import annotations

import torch
from torch import nn

from mmdx.batch import Batch, Packed
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.heads.base import Findings
from mmdx.models.heads.slice import SliceHead
from mmdx.models.sequence.recurrent import Lstm
from mmdx.models.vectors import Mlp


def test_the_width_is_that_asked_for_and_the_scale_does_not_matter():
    torch.manual_seed(0)
    encoder = Mlp(6, hidden=4).eval()
    descriptors = torch.randn(5, 6)
    vectors = encoder(descriptors)
    assert vectors.shape == (5, encoder.dim) == (5, 4)
    torch.testing.assert_close(encoder(1000 * descriptors + 7), vectors, atol=1e-3, rtol=1e-3)


def test_without_the_norm_the_scale_stays_and_a_relu_bends():
    encoder = Mlp(2, hidden=1, norm=False, activation="relu").eval()
    linear = encoder.layers[1]
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, -1.0]]))
        linear.bias.fill_(0.5)
    assert encoder(torch.tensor([[3.0, 1.0], [30.0, 10.0], [1.0, 3.0]])).tolist() == [[2.5], [20.5], [0.0]]


def test_input_dropout_empties_values_of_the_descriptor_and_nothing_behind_the_layer():
    torch.manual_seed(0)
    encoder = Mlp(4, hidden=3, norm=False, activation="relu", input_dropout=0.5, dropout=0.0)
    linear = encoder.layers[1]
    assert isinstance(linear, nn.Linear)
    nn.init.ones_(linear.weight)
    nn.init.zeros_(linear.bias)
    vectors = encoder(torch.ones(200, 4))
    # A value is gone, or counts twice: 0, 2, 4, 6 or 8 over four of them, the same in each of the three outputs.
    assert sorted(set(vectors.flatten().tolist())) == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert torch.equal(vectors, vectors[:, :1].expand(-1, 3))
    assert encoder.eval()(torch.ones(1, 4)).tolist() == [[4.0, 4.0, 4.0]]


def test_a_layer_a_bilstm_and_a_head_that_reads_both_are_a_config():
    """Linear and ReLU, a BiLSTM, then one layer over the two side by side, with its weights laid out by hand."""
    torch.manual_seed(0)
    enter, lstm, answer = nn.Linear(5, 4), nn.LSTM(4, 4, batch_first=True, bidirectional=True), nn.Linear(12, 2)
    encoder = Mlp(5, hidden=4, norm=False, activation="relu", input_dropout=0.5, dropout=0.0)
    branch = VectorBranch(encoder, Lstm(4, hidden=4, bidirectional=True, dropout=0.5), 3)
    head = SliceHead(3, Findings(("bleed", "fracture")), {"ct": branch.sizes}, blend=True)
    encoder.layers[1].load_state_dict(enter.state_dict())
    branch.sequence.network.load_state_dict(lstm.state_dict())
    head.layers[1].load_state_dict({"weight": answer.weight[:, :8], "bias": answer.bias})
    assert head.own is not None
    head.own[1].load_state_dict({"weight": answer.weight[:, 8:], "bias": torch.zeros(2)})
    descriptors = torch.randn(6, 5)
    projected = enter(descriptors).relu()
    expected = answer(torch.cat([lstm(projected[None])[0][0], projected], dim=-1))
    features = branch.eval()(Packed(descriptors, torch.tensor([6])))
    logits = head.eval()({"ct": features}, torch.zeros(1, 3), Batch([], [], {}, torch.zeros(0, 2), {}))
    torch.testing.assert_close(logits, expected)
