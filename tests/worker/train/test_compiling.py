"""Steps that torch.compile makes faster are those of the model as it is, and where it cannot, a run says so."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._inductor.exc import InvalidCxxCompiler

from worker.train.compiling import Compiled, compiled
from worker.train.learner import Learner

from .test_learner import NORMED, batch_of, plan_of


def model_of() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


def silent(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_trial_leaves_no_trace() -> None:
    plain, made = model_of(), model_of()
    forward = Compiled(made, silent, backend="aot_eager")
    x = torch.randn(6, 4)
    torch.manual_seed(5)
    expected = plain(x)
    torch.manual_seed(5)
    found = forward(x)
    torch.testing.assert_close(found, expected)
    assert all(parameter.grad is None for parameter in made.parameters())
    for name, buffer in plain.named_buffers():
        torch.testing.assert_close(made.get_buffer(name), buffer)
    assert made.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_shape_is_compiled_for_itself() -> None:
    shapes: list[tuple[int, ...]] = []

    def backend(graph: Any, examples: list[Any]) -> Callable[..., Any]:
        shapes.extend(tuple(one.shape) for one in examples if not isinstance(one, nn.Parameter) and one.dim() == 2)
        forward: Callable[..., Any] = graph.forward
        return forward

    forward = Compiled(nn.Linear(4, 3), silent, backend=backend)  # type: ignore[arg-type]
    for size in (8, 8, 5, 8, 5):
        assert forward(torch.randn(size, 4)).shape == (size, 3)
    assert shapes == [(8, 4), (5, 4)]


def failing(graph: Any, examples: Any) -> Any:
    raise InvalidCxxCompiler


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_compiled_goes_on_as_it_is_and_says_why() -> None:
    said: list[str] = []
    ours, theirs = plan_of(NORMED), plan_of(NORMED)
    ours.forward = Compiled(ours.model, said.append, backend=failing)  # type: ignore[arg-type]
    learner, other, batch = Learner(ours), Learner(theirs), batch_of(ours)
    for step in range(2):
        found, expected = (one.learn(batch.inputs, batch.targets, step) for one in (learner, other))
        assert torch.equal(found.loss, expected.loss)
    (line,) = said
    assert line.startswith("not compiled, so the model computes as it is: ")
    assert "C++ compiler" in line


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_memory_that_ran_out_is_no_reason_to_go_on() -> None:
    def full(graph: Any, examples: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        Compiled(model_of(), silent, backend=full)(torch.randn(6, 4))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "in_pieces", "searches", "line"),
    [
        ("cpu", False, False, "steps are compiled by torch.compile"),
        ("cuda", False, False, "steps are compiled by torch.compile, with CUDA graphs"),
        ("cuda", True, False, "steps are compiled by torch.compile, without CUDA graphs: gradients of several pieces"),
        ("cuda", False, True, "steps are compiled by torch.compile, without CUDA graphs: its optimizer tries several"),
    ],
)
def test_a_run_says_what_it_uses(device: str, in_pieces: bool, searches: bool, line: str) -> None:
    said: list[str] = []
    made = compiled(model_of(), said.append, torch.device(device), in_pieces=in_pieces, searches=searches)
    assert said[0].startswith(line) and ("graphs" in said[0]) == (device == "cuda")
    assert made._graphs == ("with CUDA" in said[0])


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_step_is_the_same_to_rounding() -> None:
    layers = [one for one in NORMED if one["type"] != "dropout"]
    ours, theirs = plan_of(layers), plan_of(layers)
    ours.forward = Compiled(ours.model, silent)
    learner, other, batch = Learner(ours), Learner(theirs), batch_of(ours)
    for step in range(3):
        found, expected = (one.learn(batch.inputs, batch.targets, step) for one in (learner, other))
        torch.testing.assert_close(found.loss, expected.loss)
        torch.testing.assert_close(found.grad_norm, expected.grad_norm)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_machine_without_a_compiler_is_told() -> None:
    said: list[str] = []
    forward = Compiled(nn.Sequential(nn.Linear(4, 5), nn.Tanh()), said.append)
    torch._dynamo.reset()
    with torch._inductor.config.patch({"cpp.cxx": (None, "no-such-compiler"), "force_disable_caches": True}):
        assert forward(torch.randn(3, 4)).shape == (3, 5)
    assert len(said) == 1, said
    assert isinstance(forward(torch.randn(3, 4)), Tensor)
