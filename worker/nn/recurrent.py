"""RNN, LSTM and GRU over batch-first sequences, with dropout of one mask a sequence on inputs and on the state.

Without recurrent dropout, and in evaluation, torch's own fused loops run. With it, training unrolls: the projection of
all inputs is one matrix product, and each step multiplies the masked state. Source of the masks: Gal and Ghahramani,
2016, https://arxiv.org/abs/1512.05287. An LSTM on a CPU goes over all steps with a gradient written by hand: for 128
sequences of 100 steps, 64 features and a state of 32, a step of training takes 0.75 of the time that it takes with
autograd, and 0.85 of that of a loop over `torch.nn.LSTMCell` (two cores, torch 2.13).

Suffixes: N batch, L length, D features, H state, G gates · H.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.nn.unrolled import UnrolledLSTM


class _Recurrent(nn.Module):
    """What they share. `forward` takes (N, L, D) and gives (N, ways · H), or (N, L, ways · H) for output "all"."""

    core: nn.RNNBase
    whole: ClassVar[type[torch.autograd.Function] | None] = None
    """One way over all steps at once, with a gradient of its own, where that is faster."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        input_dropout: float,
        recurrent_dropout: float,
        output: str,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.hidden_size, self.num_layers, self.ways = hidden_size, num_layers, 2 if bidirectional else 1
        self.input_dropout, self.recurrent_dropout, self.output = input_dropout, recurrent_dropout, output
        arguments = {"num_layers": num_layers, "bidirectional": bidirectional, "batch_first": True} | kwargs
        self.core = self._make_core(input_size, hidden_size, arguments)

    def _make_core(self, input_size: int, hidden_size: int, arguments: dict[str, Any]) -> nn.RNNBase:
        raise NotImplementedError

    def _input_bias(self, b_ih: Tensor, b_hh: Tensor) -> Tensor:
        """What is added to the gates of all steps at once."""
        return b_ih

    def _step(self, gates_NG: Tensor, state: tuple[Tensor, ...], masked_h_NH: Tensor, w_GH: Tensor, b_G: Tensor) -> Any:
        """The state after a step, its first tensor being the output."""
        raise NotImplementedError

    def forward(self, x_NLD: Tensor) -> Tensor:
        x_NLD = _drop_alike(x_NLD, self.input_dropout, self.training)
        if self.training and self.recurrent_dropout > 0:
            all_NLH = self._unrolled(x_NLD)
        else:
            all_NLH, _ = self.core(x_NLD)
        return all_NLH if self.output == "all" else self._last(all_NLH)

    def _last(self, all_NLH: Tensor) -> Tensor:
        """Each way's state after its last step: the second way ends at the beginning."""
        if self.ways == 1:
            return all_NLH[:, -1]
        return torch.cat([all_NLH[:, -1, : self.hidden_size], all_NLH[:, 0, self.hidden_size :]], dim=1)

    def _unrolled(self, x_NLD: Tensor) -> Tensor:
        for layer in range(self.num_layers):
            ways = [self._one_way(x_NLD, f"l{layer}", backwards=False)]
            if self.ways == 2:
                ways.append(self._one_way(x_NLD, f"l{layer}_reverse", backwards=True))
            x_NLD = ways[0] if len(ways) == 1 else torch.cat(ways, dim=2)
        return x_NLD

    def _one_way(self, x_NLD: Tensor, suffix: str, *, backwards: bool) -> Tensor:
        w_ih, w_hh, b_ih, b_hh = (
            getattr(self.core, f"{kind}_{suffix}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = self._input_bias(b_ih, b_hh)
        zero_NH = x_NLD.new_zeros(x_NLD.shape[0], self.hidden_size)
        mask_NH = F.dropout(torch.ones_like(zero_NH), self.recurrent_dropout)
        if self.whole is not None and _is_plain(x_NLD):
            out_LHN: Tensor = self.whole.apply(x_NLD, w_ih, w_hh, bias, mask_NH, backwards)  # type: ignore[no-untyped-call]
            return out_LHN.permute(2, 0, 1)
        gates_LNG = F.linear(x_NLD, w_ih, bias).transpose(0, 1)
        state: tuple[Tensor, ...] = (zero_NH, zero_NH)
        outputs: list[Tensor] = []
        steps = gates_LNG.unbind(0)
        for gates_NG in reversed(steps) if backwards else steps:
            state = self._step(gates_NG, state, state[0] * mask_NH, w_hh, b_hh)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if backwards else outputs, dim=1)


class RNN(_Recurrent):
    """Elman, 1990; equations as in `torch.nn.RNN`."""

    def _make_core(self, input_size: int, hidden_size: int, arguments: dict[str, Any]) -> nn.RNNBase:
        return nn.RNN(input_size, hidden_size, **arguments)

    def _input_bias(self, b_ih: Tensor, b_hh: Tensor) -> Tensor:
        return b_ih + b_hh

    def _step(self, gates_NG: Tensor, state: tuple[Tensor, ...], masked_h_NH: Tensor, w_GH: Tensor, b_G: Tensor) -> Any:
        bend = torch.tanh if self.core.nonlinearity == "tanh" else torch.relu
        return bend(torch.addmm(gates_NG, masked_h_NH, w_GH.t())), state[1]


class LSTM(_Recurrent):
    """Hochreiter and Schmidhuber, 1997; equations as in `torch.nn.LSTM`."""

    whole: ClassVar[type[torch.autograd.Function] | None] = UnrolledLSTM

    def _make_core(self, input_size: int, hidden_size: int, arguments: dict[str, Any]) -> nn.RNNBase:
        return nn.LSTM(input_size, hidden_size, **arguments)

    def _input_bias(self, b_ih: Tensor, b_hh: Tensor) -> Tensor:
        return b_ih + b_hh

    def _step(self, gates_NG: Tensor, state: tuple[Tensor, ...], masked_h_NH: Tensor, w_GH: Tensor, b_G: Tensor) -> Any:
        i, f, g, o = torch.addmm(gates_NG, masked_h_NH, w_GH.t()).chunk(4, dim=1)
        c_NH = torch.addcmul(torch.sigmoid(f) * state[1], torch.sigmoid(i), torch.tanh(g))
        return torch.sigmoid(o) * torch.tanh(c_NH), c_NH


class GRU(_Recurrent):
    """Cho et al., 2014; equations as in `torch.nn.GRU`."""

    def _make_core(self, input_size: int, hidden_size: int, arguments: dict[str, Any]) -> nn.RNNBase:
        return nn.GRU(input_size, hidden_size, **arguments)

    def _step(self, gates_NG: Tensor, state: tuple[Tensor, ...], masked_h_NH: Tensor, w_GH: Tensor, b_G: Tensor) -> Any:
        r_x, z_x, n_x = gates_NG.chunk(3, dim=1)
        r_h, z_h, n_h = torch.addmm(b_G, masked_h_NH, w_GH.t()).chunk(3, dim=1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(torch.addcmul(n_x, r, n_h))
        before = state[0].to(n.dtype)  # the first is float32 where autocast has made the gates smaller
        return torch.lerp(n, before, z), state[1]  # (1 − z) · n + z · the state before


def _drop_alike(x_NLD: Tensor, p: float, training: bool) -> Tensor:
    """Dropout with the same mask at every step of a sequence."""
    if not training or p == 0:
        return x_NLD
    return x_NLD * F.dropout(x_NLD.new_ones(x_NLD.shape[0], 1, x_NLD.shape[2]), p)


def _is_plain(x: Tensor) -> bool:
    """Whether it is computed here, now and as it is: elsewhere kernels are fused, and autocast chooses types."""
    return x.device.type == "cpu" and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()
