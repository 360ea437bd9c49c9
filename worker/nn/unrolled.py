"""One way of an LSTM over a whole sequence, with a gradient written by hand: of every step autograd would keep a dozen
nodes and their tensors.

Suffixes: N batch, L length, D features, H state, G gates · H (i, f, g, o in turn), B all steps' batches, L · N. The
batch comes last, so that each gate of a step is contiguous.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class UnrolledLSTM(torch.autograd.Function):
    """x (N, L, D), weights, the sum of the biases, the mask of the state (N, H) -> the output of every step, (L, H, N).

    Equations as in `torch.nn.LSTM`; tanh(x) is 2 · sigmoid(2x) − 1, so that with what makes g doubled one kernel bends
    all gates, and a cheaper one than tanh is. The gradient has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, x_NLD: Tensor, w_GD: Tensor, w_GH: Tensor, b_G: Tensor, mask_NH: Tensor, backwards: bool
    ) -> Tensor:
        num, length, _ = x_NLD.shape
        size = w_GH.shape[1]
        gates_GB = torch.addmm(_doubled(b_G)[:, None], _doubled(w_GD), _rows_by_step(x_NLD).t())
        gates_LGN = gates_GB.view(-1, length, num).transpose(0, 1).contiguous()
        bent_LHN, out_LHN = (x_NLD.new_empty(length, size, num) for _ in range(2))
        # Zeros are before the first step.
        cells_LHN, masked_LHN = (x_NLD.new_zeros(length + 1, size, num) for _ in range(2))
        mask_HN = mask_NH.t().contiguous()
        before, after = _before_and_after(backwards)
        steps = _step_by_step(
            backwards,
            *(gates_LGN, *_gates_of(gates_LGN), masked_LHN[before], cells_LHN[before]),
            *(cells_LHN[after], bent_LHN, out_LHN, masked_LHN[after]),
        )
        _walk_ahead(steps, _doubled(w_GH), mask_HN)
        ctx.backwards = backwards
        ctx.save_for_backward(x_NLD, w_GD, w_GH, mask_HN, gates_LGN, cells_LHN, bent_LHN, masked_LHN)
        return out_LHN

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, out_LHN: Tensor) -> tuple[Tensor | None, ...]:
        """Of what depends on the order of the steps, as little as can be is in the loop."""
        x_NLD, w_GD, w_GH, mask_HN, gates_LGN, cells_LHN, bent_LHN, masked_LHN = ctx.saved_tensors
        before, _ = _before_and_after(ctx.backwards)
        grad_LGN, cell_LHN = _slopes(gates_LGN, cells_LHN[before], bent_LHN)
        size = w_GH.shape[1]
        steps = _step_by_step(
            not ctx.backwards,
            *(out_LHN.contiguous(), cell_LHN, _gates_of(gates_LGN)[1]),
            *(grad_LGN, grad_LGN.view(-1, 4, size, grad_LGN.shape[2])[:, :3], grad_LGN[:, 3 * size :]),
        )
        _walk_back(steps, w_GH.t().contiguous(), mask_HN)
        grad_GB = grad_LGN.transpose(0, 1).flatten(1)
        wants_x, wants_w_GD, wants_w_GH, wants_b, *_ = ctx.needs_input_grad
        num, length, _ = x_NLD.shape
        return (
            (grad_GB.t() @ w_GD).view(length, num, -1).transpose(0, 1) if wants_x else None,
            grad_GB @ _rows_by_step(x_NLD) if wants_w_GD else None,
            grad_GB @ masked_LHN[before].transpose(0, 1).flatten(1).t() if wants_w_GH else None,
            grad_GB.sum(1) if wants_b else None,
            None,
            None,
        )


def _walk_ahead(steps: Iterable[tuple[Tensor, ...]], w_GH: Tensor, mask_HN: Tensor) -> None:
    """Fill in each step what lies ready for it. Of i, f, g, o of a step there are views of `gates`."""
    less = -w_GH.new_ones(())
    for gates, i, f, g, o, state, cell_before, cell, bent, out, masked in steps:
        gates.addmm_(w_GH, state).sigmoid_()
        torch.add(less, g, alpha=2, out=g)
        torch.mul(f, cell_before, out=cell).addcmul_(i, g)
        torch.add(cell, cell, out=bent).sigmoid_()
        torch.add(less, bent, alpha=2, out=bent)
        torch.mul(o, bent, out=out)
        torch.mul(out, mask_HN, out=masked)


def _walk_back(steps: Iterable[tuple[Tensor, ...]], w_HG: Tensor, mask_HN: Tensor) -> None:
    """Make the gradients of the gates of their slopes, from the last step to the first."""
    back, grad_cell = torch.zeros_like(mask_HN), torch.zeros_like(mask_HN)
    for out, slope_of_cell, f, gates, of_cell, o in steps:
        grad_out = torch.addcmul(out, back, mask_HN)
        grad_cell.addcmul_(grad_out, slope_of_cell)
        of_cell.mul_(grad_cell)
        o.mul_(grad_out)
        grad_cell.mul_(f)
        torch.mm(w_HG, gates, out=back)


def _slopes(gates_LGN: Tensor, before_LHN: Tensor, bent_LHN: Tensor) -> tuple[Tensor, Tensor]:
    """For all steps: the cell's by what makes i, f and g and the output's by what makes o; the output's by the cell."""
    slopes_LGN = torch.empty_like(gates_LGN)
    i, f, g, o = _gates_of(gates_LGN)
    to_i, to_f, to_g, to_o = _gates_of(slopes_LGN)
    torch.ops.aten.sigmoid_backward(g, i, grad_input=to_i)
    torch.ops.aten.sigmoid_backward(before_LHN, f, grad_input=to_f)
    torch.ops.aten.tanh_backward(i, g, grad_input=to_g)
    torch.ops.aten.sigmoid_backward(bent_LHN, o, grad_input=to_o)
    return slopes_LGN, torch.ops.aten.tanh_backward(o, bent_LHN)


def _doubled(rows: Tensor) -> Tensor:
    """A copy with the third of four parts, what makes g, twice as large."""
    rows = rows.clone()
    rows.chunk(4)[2].mul_(2)
    return rows


def _rows_by_step(x_NLD: Tensor) -> Tensor:
    """(L · N, D)."""
    return x_NLD.transpose(0, 1).flatten(0, 1)


def _gates_of(gates_LGN: Tensor) -> tuple[Tensor, ...]:
    return gates_LGN.chunk(4, dim=1)


def _before_and_after(backwards: bool) -> tuple[slice, slice]:
    """Of states with those before the first step among them: each step's before it, and after it."""
    sides = slice(None, -1), slice(1, None)
    return sides[::-1] if backwards else sides


def _step_by_step(backwards: bool, *tensors: Tensor) -> Iterable[tuple[Tensor, ...]]:
    """Of each tensor its part of a step, step by step."""
    steps = list(zip(*(one.unbind(0) for one in tensors), strict=True))
    return reversed(steps) if backwards else steps
