"""How long the server takes to say what each layer of a model makes of its input: budget 20 ms for 200 layers.

The ratio is to what torch takes to say the same of a model that is built already, by a pass on the meta device.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from app.specs.model import ModelSpec
from bench.table import show, spread
from worker.nn.build import build

NUM_LAYERS = 200
REPEATS = 30
SHAPE = (3, 64, 64)


def convolutions() -> dict[str, Any]:
    """200 layers one after the other, as they are written."""
    layers = [
        layer
        for _ in range(NUM_LAYERS // 4)
        for layer in (
            {
                "type": "conv2d",
                "out_channels": 32,
                "kernel_size": 3,
                "padding": 1,
                "weight_init": {"type": "kaiming_normal"},
            },
            {"type": "batch_norm"},
            {"type": "relu"},
            {"type": "dropout", "p": 0.1},
        )
    ]
    return {"layers": layers}


def blocks() -> dict[str, Any]:
    """200 layers in residual blocks, written once."""
    block = {
        "arguments": {"width": 32},
        "layers": [
            {"type": "conv2d", "out_channels": "$width", "kernel_size": 3, "padding": 1},
            {"type": "batch_norm"},
            {"type": "relu"},
            {"type": "add", "inputs": ["input", "2"]},
        ],
    }
    first = {"type": "conv2d", "out_channels": 32, "kernel_size": 1}
    return {"blocks": {"one": block}, "layers": [first, {"type": "block", "block": "one", "repeat": NUM_LAYERS // 4}]}


def timed(work: Callable[[], object]) -> list[float]:
    """Seconds, of each repeat."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def measured(name: str, written: dict[str, Any]) -> list[str]:
    """A line of the table."""
    spec = ModelSpec.model_validate(written)
    module = build(spec, SHAPE).to("meta")
    x = torch.empty(1, *SHAPE, device="meta")
    read = timed(lambda: ModelSpec.model_validate(written))
    inspected = timed(lambda: ModelSpec.model_validate(written).inspect(SHAPE))
    by_torch = timed(lambda: module(x))
    ratio = median(by_torch) / median(inspected)
    return [name, str(len(spec.nodes)), spread(read), spread(inspected), "20 ms", f"{ratio:.2g} times"]


def main() -> None:
    show(
        "A model looked at, without torch",
        ["model", "layers", "read", "read and inspected", "budget", "torch's pass on meta takes"],
        [measured("one after the other", convolutions()), measured("blocks", blocks())],
    )


if __name__ == "__main__":
    main()
