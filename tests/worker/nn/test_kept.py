"""What a layer says that stays in memory for the way back, against what autograd keeps."""

import pytest
import torch
from torch import Tensor

from app.specs.layers import LAYERS, Example, Layer
from app.specs.layers.norm import LocalResponseNorm
from tests.worker.nn.cases import kind
from worker.nn import modules
from worker.nn.build import make

BATCH = 2
CASES = [(layer, example) for layer in LAYERS for example in layer.examples]
# Where it depends on more than the layer: oneDNN's lstm works in memory of its own, "same" padding copies its input, an
# average to one number a channel needs no input, and of a batch of whole numbers nobody computes a gradient.
ELSEWHERE = {"lstm", "rnn", "gru", "embedding", "entity_embedding", "backbone", "local_response_norm"}


def kept(layer: Layer, example: Example) -> tuple[bool, bool, float]:
    """Whether an input is kept, whether the output is, and how many numbers of four bytes beside them, of one row."""
    module = make(layer.recipe(*example.inputs)).train()
    inputs = [torch.randn(BATCH, *shape, requires_grad=True) * 1 for shape in example.inputs]
    found: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = module(*inputs)
    of_inputs = {one.untyped_storage().data_ptr() for one in inputs}
    of_output = {output.untyped_storage().data_ptr()} - of_inputs
    own = {one.untyped_storage().data_ptr() for one in (*module.parameters(), *module.buffers())}
    beside = sum(size for place, size in found.items() if place not in of_inputs | of_output | own)
    return bool(of_inputs & found.keys()), bool(of_output & found.keys()), beside / 4 / BATCH


@pytest.mark.parametrize(
    ("cls", "example"),
    [(cls, example) for cls, example in CASES if kind(cls) not in ELSEWHERE],
    ids=[f"{kind(cls)}-{i}" for i, (cls, _) in enumerate(CASES) if kind(cls) not in ELSEWHERE],
)
def test_what_is_kept_is_what_autograd_keeps(cls: type[Layer], example: Example) -> None:
    layer = cls.model_validate({"type": kind(cls), **example.args})
    keeps_input, keeps_output, beside = kept(layer, example)
    said = layer.num_kept(*example.inputs)
    if example.args.get("padding") == "same" or (kind(cls) == "adaptive_avg_pool2d" and not example.args):
        assert layer.keeps_inputs  # or a copy of it with a border; or not even that
        return
    if kind(cls) != "pad":  # which needs its input in some modes alone
        assert (layer.keeps_inputs, layer.keeps_output) == (keeps_input, keeps_output)
    # Figures of a channel or a row, which norms keep and nobody counts; of what is dropped they are all there is.
    small = 0 if layer.group == "regularisation" else max(layer.output_shape(*example.inputs)[0], 16)
    assert said - small <= beside * 1.4 and beside <= said * 1.4 + small, (said, beside)


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_a_local_response_norm_keeps_less_on_a_cpu_than_elsewhere(monkeypatch: pytest.MonkeyPatch, beta: float) -> None:
    layer = LocalResponseNorm(size=2, beta=beta)
    example = Example({}, ((4, 8, 8),))
    size, said = 4 * 8 * 8, layer.num_kept(*example.inputs)
    assert kept(layer, example)[2] == pytest.approx(2 * size, rel=0.1)
    monkeypatch.setattr(modules, "_computes_alone", lambda x: False)
    assert kept(layer, example)[2] == pytest.approx(said, rel=0.1)
