"""What the loops are compared on: the gallery's programs 1 to 5, and four networks of usual kinds and small sizes.

Each has a specification and the same network in plain torch, as whoever writes the loop by hand writes it. The data
are random and of the programs' own shapes: how fast a loop is does not depend on the values.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from app.specs.training import TrainingSpec

EXAMPLES = Path(__file__).parents[1] / "examples"
VOCABULARY = 1000


@dataclass(frozen=True)
class Program:
    """A network, the shape of its data, its classes if any, and for how many epochs it is trained here."""

    title: str
    body: dict[str, Any]  # model and training, as `POST /runs` takes them
    num_rows: int
    input_shape: tuple[int, ...]
    num_classes: int | None
    by_hand: Callable[[], nn.Module]
    num_epochs: int
    takes_integers: bool = False

    def data(self) -> tuple[Tensor, Tensor]:
        """Inputs `(N, …)` and targets, as the specification's loss takes them: the same at each call."""
        generator = torch.Generator().manual_seed(0)
        shape = (self.num_rows, *self.input_shape)
        inputs = torch.rand(shape, generator=generator)
        if self.takes_integers:
            inputs = (inputs * VOCABULARY).long()
        if self.training.loss_type == "cross_entropy":
            return inputs, torch.randint(self.num_classes or 0, (self.num_rows,), generator=generator)
        return inputs, (torch.rand(self.num_rows, 1, generator=generator) < 0.5).float()

    @cached_property
    def training(self) -> TrainingSpec:
        """How it trains."""
        return TrainingSpec.model_validate(self.body["training"] | {"num_epochs": self.num_epochs})

    @property
    def batch_size(self) -> int:
        """The rows of a step."""
        return self.training.batch_size or self.num_rows

    @property
    def num_steps(self) -> int:
        """The steps of one training."""
        return self.num_epochs * -(-self.num_rows // self.batch_size)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        """Torch's own, over all of a module."""
        asked = self.training.optimizer
        kinds: dict[str, type[torch.optim.Optimizer]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
        return kinds[asked.type](module.parameters(), lr=asked.lr)

    @property
    def loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Torch's function."""
        found: Callable[[Tensor, Tensor], Tensor] = getattr(nn.functional, self.training.loss_type)
        return found


class _Recurrent(nn.Module):
    """Program 5. Torch's LSTM has no dropout on its state, so whoever wants it steps an LSTMCell."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(VOCABULARY, 64), nn.Dropout(0.2)
        self.cell, self.head = nn.LSTMCell(64, 32), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        x = x * self.dropout(x.new_ones(len(x), 1, 64))
        h = c = x.new_zeros(len(x), 32)
        mask = self.dropout(torch.ones_like(h))
        for step in x.unbind(1):
            h, c = self.cell(step, (h * mask, c))
        return torch.sigmoid(self.head(h))


class _LSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 64)
        self.lstm, self.head = nn.LSTM(64, 64, batch_first=True), nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embedding(x))
        return self.head(hidden[:, -1])


class _Transformer(nn.Module):
    def __init__(self, length: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(VOCABULARY, 64), nn.Parameter(torch.zeros(length, 64))
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(x) + self.positions).mean(1))


def _digits() -> nn.Module:
    lrn = [nn.LocalResponseNorm(11, alpha=0.0011) for _ in range(3)]
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 6, padding="same"), nn.ReLU(), lrn[0]),
        *(nn.Conv2d(6, 12, 5, stride=2, padding=2), nn.ReLU(), lrn[1]),
        *(nn.Conv2d(12, 24, 4, stride=2, padding=1), nn.ReLU(), lrn[2], nn.Flatten()),
        *(nn.Linear(24 * 7 * 7, 128), nn.Tanh(), nn.Dropout(0.2)),
        *(nn.Linear(128, 256), nn.Tanh(), nn.Dropout(0.2), nn.Linear(256, 10)),
    )


def _convolutions() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(32 * 8 * 8, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def _dense(*sizes: int, between: type[nn.Module], last: type[nn.Module] = nn.Identity) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), between()]
    return nn.Sequential(*layers[:-1], last())


def _sigmoids() -> nn.Module:
    return _dense(2, 4, 1, between=nn.Sigmoid, last=nn.Sigmoid)


def _gallery(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return body


def _classifier(*layers: dict[str, Any], batch_size: int) -> dict[str, Any]:
    training = {"loss": {"type": "cross_entropy"}, "optimizer": {"type": "adam"}, "batch_size": batch_size}
    return {"model": {"layers": list(layers)}, "training": training}


_RELU, _EMBEDDING = {"type": "relu"}, {"type": "embedding", "num_embeddings": VOCABULARY, "embedding_dim": 64}
_HALVE = {"type": "max_pool2d", "kernel_size": 2}


def _linear(out_features: int) -> dict[str, Any]:
    return {"type": "linear", "out_features": out_features}


def _conv(out_channels: int) -> dict[str, Any]:
    return {"type": "conv2d", "out_channels": out_channels, "kernel_size": 3, "padding": 1}


_MLP = _classifier(_linear(256), _RELU, _linear(128), _RELU, _linear(10), batch_size=64)
_CNN = _classifier(
    *(_conv(16), _RELU, _HALVE, _conv(32), _RELU, _HALVE, {"type": "flatten"}),
    *(_linear(64), _RELU, _linear(10)),
    batch_size=64,
)
_RECURRENT = _classifier(_EMBEDDING, {"type": "lstm", "hidden_size": 64}, _linear(2), batch_size=32)
_ENCODER = _classifier(
    *(_EMBEDDING, {"type": "learned_position"}),
    {"type": "transformer_encoder", "num_layers": 2, "nhead": 4, "dim_feedforward": 128, "activation": "gelu"},
    *({"type": "mean", "dim": 1}, _linear(2)),
    batch_size=32,
)


PROGRAMS = (
    Program("1 celsius", _gallery("celsius"), 7, (1,), None, lambda: nn.Linear(1, 1), 500),
    Program("2a xor", _gallery("xor-descent"), 4, (2,), None, _sigmoids, 1000),
    Program("2b xor, Adam", _gallery("xor-adam"), 4, (2,), None, _sigmoids, 1000),
    Program(
        "3 heart", _gallery("heart-scaled"), 303, (13,), None, lambda: _dense(13, 256, 128, 64, 1, between=nn.ReLU), 50
    ),
    Program("4 digits", _gallery("digits"), 6000, (1, 28, 28), 10, _digits, 1),
    Program("5 sequences", _gallery("sequences"), 1000, (100,), 2, _Recurrent, 5, takes_integers=True),
    Program("MLP", _MLP, 6400, (784,), 10, lambda: _dense(784, 256, 128, 10, between=nn.ReLU), 8),
    Program("CNN", _CNN, 1600, (3, 32, 32), 10, _convolutions, 8),
    Program("LSTM", _RECURRENT, 1600, (50,), 2, _LSTM, 8, takes_integers=True),
    Program("transformer", _ENCODER, 1600, (64,), 2, lambda: _Transformer(64), 2, takes_integers=True),
)
