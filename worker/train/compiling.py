"""The model as torch.compile makes it faster, where it can: kernels that do several layers' work at once.

What is compiled serves steps alone. Evaluation computes with the model as it is, and its weights are the model's own.
"""

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from worker.train import device as devices
from worker.train.precision import Forward

Say = Callable[[str], None]

_MOST_VARIANTS = 64  # of the code: by shape, and by what is frozen; beyond them torch would compute without any


class Compiled:
    """A model whose batches are compiled for, each shape by itself: a run that goes on inside an epoch computes so too.

    Where a shape cannot be compiled for, `say` is told why, and the model computes as it is. `graphs` says whether its
    kernels are launched together, as a CUDA graph.
    """

    def __init__(self, model: nn.Module, say: Say, *, graphs: bool = False, backend: str = "inductor") -> None:
        self._model, self._say, self._graphs, self._backend = model, say, graphs, backend
        self._by_shape: dict[torch.Size, Forward] = {}
        torch._dynamo.config.recompile_limit = _MOST_VARIANTS

    def __call__(self, inputs: Tensor) -> Tensor:
        """The model's outputs (N, …)."""
        forward = self._by_shape.get(inputs.shape)
        if forward is None:
            forward = self._by_shape[inputs.shape] = self._tried(inputs)
        return forward(inputs)

    def _tried(self, inputs: Tensor) -> Forward:
        """What computes a shape, after it was tried and has left no trace."""
        buffers = [(buffer, buffer.clone()) for buffer in self._model.buffers()]
        try:
            with torch.random.fork_rng([inputs.device] if inputs.is_cuda else []), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's own words to those who write for it
                forward = self._launched if self._graphs else self._compiled
                learning = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
                torch.autograd.grad(forward(inputs).sum(), learning, allow_unused=True)
        except Exception as error:  # of any kind: there are many tools on the way
            if devices.is_out_of_memory(error):
                raise
            self._say(f"not compiled, so the model computes as it is: {_reason(error)}")
            return self._model
        finally:
            for buffer, value in buffers:
                buffer.copy_(value)
        return forward

    @cached_property
    def _compiled(self) -> Forward:
        """The model, compiled at its first call; only now, for the compiler's own modules take seconds to import."""
        # In this process: of helpers there would be as many as cores, beside other runs.
        options: dict[str, Any] = {"compile_threads": 1, "triton.cudagraphs": self._graphs}
        given = options if self._backend == "inductor" else None
        made: Forward = torch.compile(self._model, dynamic=False, backend=self._backend, options=given)
        return made

    def _launched(self, inputs: Tensor) -> Tensor:
        """As a CUDA graph, whose outputs would be overwritten by the next step's."""
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return self._compiled(inputs).clone()


def compiled(model: nn.Module, say: Say, device: torch.device, *, in_pieces: bool, searches: bool) -> Compiled:
    """The model of a run, compiled, with CUDA graphs where nothing forbids them. Tells `say` which."""
    why_not = "gradients of several pieces add up" if in_pieces else "its optimizer tries several weights in a step"
    graphs = device.type == "cuda" and not in_pieces and not searches
    without = f", without CUDA graphs: {why_not}" if device.type == "cuda" and not graphs else ""
    say(f"steps are compiled by torch.compile{', with CUDA graphs' if graphs else without}")
    return Compiled(model, say, graphs=graphs)


def _reason(error: Exception) -> str:
    error = getattr(error, "inner_exception", error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'without a word'}"
