"""Small programs, most of them ill, one illness each: whole bodies of `POST /runs` on rows that are made."""

from typing import Any

Layers = list[dict[str, Any]]

THIRDS = {"type": "shares", "train": 0.6, "validation": 0.2, "test": 0.2, "stratify": True}


def program(source: str, layers: Layers, *, rows: int = 300, noise: float = 0.1, **training: Any) -> dict[str, Any]:
    """Points of two classes, told apart by some layers, in batches of 16."""
    data = {"target": "label", "split": THIRDS}
    usual: dict[str, Any] = {
        "num_epochs": 40,
        "batch_size": 16,
        "loss": {"type": "binary_cross_entropy_with_logits"},
        "optimizer": {"type": "adam", "lr": 0.01},
        "metrics": [{"type": "accuracy"}],
        "log_every_epochs": 1000,
    }
    return {
        "name": source,
        "dataset": {"name": source, "source": {"type": "generated", "name": source, "num_rows": rows, "noise": noise}},
        "model": {"name": source, "layers": layers},
        "data": data,
        "training": usual | training,
    }


def images() -> dict[str, Any]:
    """Shapes of three kinds on 12 × 12 pixels, told apart by a small convolutional network."""
    layers: Layers = [
        {"type": "conv2d", "out_channels": 8, "kernel_size": 3, "padding": "same"},
        {"type": "batch_norm"},
        {"type": "relu"},
        {"type": "max_pool2d", "kernel_size": 2},
        {"type": "conv2d", "out_channels": 16, "kernel_size": 3},
        {"type": "relu"},
        {"type": "flatten"},
        linear(32),
        {"type": "relu"},
        {"type": "dropout", "p": 0.2},
        linear(3),
    ]
    source = {"type": "generated", "name": "shape_images", "num_rows": 600, "noise": 0.1, "length": 12}
    training = {
        "num_epochs": 8,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "lr": 0.003},
        "metrics": [{"type": "accuracy"}],
        "log_every_epochs": 1000,
    }
    data = {"features": ["image"], "target": "label", "split": THIRDS}
    dataset = {"name": "shapes", "source": source}
    return {"name": "shapes", "dataset": dataset, "model": {"layers": layers}, "data": data, "training": training}


def linear(size: int, **more: Any) -> dict[str, Any]:
    """A layer of so many numbers."""
    return {"type": "linear", "out_features": size, **more}


def dense(*sizes: int, between: str = "relu", **more: Any) -> Layers:
    """Linear layers of these sizes with an activation between any two."""
    layers: Layers = []
    for size in sizes:
        layers += [linear(size, **more), {"type": between}]
    return layers[:-1]
