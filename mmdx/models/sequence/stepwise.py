"""Recurrent networks item by item: what torch's own say, in a form whose shapes hang on no value and no length.

A model is exported so (`mmdx.models.packing.one_study`): torch's own networks unroll to the one length that they are
exported with, and packed sequences have shapes that hang on lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import no_type_check

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Step = Callable[[list[Tensor], Tensor], tuple[list[Tensor], Tensor]]


def run_stepwise(
    network: nn.LSTM | nn.GRU, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
) -> tuple[Float[Tensor, "b s e"], Float[Tensor, "b e"]]:
    """What `run_recurrent` gives, in evaluation: outputs at each item, zeros behind a row's last, and the output after
    the last real one.

    The way back runs forwards over rows that are turned round within their lengths.
    """
    lengths = mask.sum(dim=1, keepdim=True)
    places = torch.arange(items.shape[1], device=items.device).expand(mask.shape)
    turned = torch.where(mask, lengths - 1 - places, places)
    orders = [order.unsqueeze(-1) for order in ((places, turned) if network.bidirectional else (places,))]
    final = (lengths - 1).clamp(min=0).unsqueeze(-1)
    last = items
    for layer in range(network.num_layers):
        said = _all_ways(network, layer, [_taken(items, order) for order in orders])
        last = torch.cat([_taken(own, final)[:, 0] for own in said.unbind()], dim=-1)
        items = torch.cat([_taken(own, order) for own, order in zip(said.unbind(), orders, strict=True)], dim=-1)
    return items.masked_fill(~mask.unsqueeze(-1), 0.0), last


def scan(step: Step, state: list[Tensor], read: Tensor, *, dim: int) -> tuple[list[Tensor], Tensor]:
    """`step` over `read` along `dim`, from `state` on: the last state, and what each step said."""
    from torch._higher_order_ops.scan import scan as torch_scan  # torch has no public name for it yet

    last, said = torch_scan(step, state, read, dim=dim)
    return list(last), said


def _taken(items: Float[Tensor, "b s d"], order: Tensor) -> Tensor:
    """The items at the places `order` `[b t 1]` of each row."""
    return items.gather(1, order.expand(-1, -1, items.shape[-1]))


def _all_ways(network: nn.LSTM | nn.GRU, layer: int, ways: Sequence[Tensor]) -> Float[Tensor, "w b s e"]:
    """The outputs of one layer in each direction, from the first item of its rows `[b s d]` to the last; all directions
    step together."""
    names = [f"l{layer}{suffix}" for suffix, _ in zip(("", "_reverse"), ways, strict=False)]
    into, again = ([getattr(network, f"weight_{part}_{name}").T for name in names] for part in ("ih", "hh"))
    zero = into[0].new_zeros(1)
    before, beside = (
        [getattr(network, f"bias_{part}_{name}") if network.bias else zero for name in names] for part in ("ih", "hh")
    )
    # Row by row: a product of all rows at once has a size that a compiler cannot take apart again.
    wide = [weight.expand(ways[0].shape[0], -1, -1) for weight in into]
    read = torch.stack([rows.bmm(wide[way]) + before[way] for way, rows in enumerate(ways)]).movedim(2, 0)
    state = read.new_zeros(len(ways), read.shape[2], network.hidden_size)
    lstm = isinstance(network, nn.LSTM)
    step = (_lstm_step if lstm else _gru_step)(torch.stack(again), torch.stack(beside).unsqueeze(1))
    _, said = scan(step, [state, state.clone()] if lstm else [state], read, dim=0)
    return said.movedim(0, 2)


def _lstm_step(again: Float[Tensor, "w e g"], bias: Float[Tensor, "w 1 _"]) -> Step:
    @no_type_check  # a compiler traces it, and annotations that are checked would be in its way
    def step(state: list[Tensor], read: Tensor) -> tuple[list[Tensor], Tensor]:
        hidden, cell = state
        enter, forget, new, leave = (read + hidden @ again + bias).chunk(4, dim=-1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        return [hidden, cell.clone()], hidden.clone()

    return step


def _gru_step(again: Float[Tensor, "w e g"], bias: Float[Tensor, "w 1 _"]) -> Step:
    @no_type_check  # a compiler traces it, and annotations that are checked would be in its way
    def step(state: list[Tensor], read: Tensor) -> tuple[list[Tensor], Tensor]:
        reset, keep, new = read.chunk(3, dim=-1)
        old_reset, old_keep, old = (state[0] @ again + bias).chunk(3, dim=-1)
        keep = (keep + old_keep).sigmoid()
        hidden = (1 - keep) * (new + (reset + old_reset).sigmoid() * old).tanh() + keep * state[0]
        return [hidden], hidden.clone()

    return step
