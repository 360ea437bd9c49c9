"""The same trainings by other libraries, as their guides have it, with every step's loss kept.

Only where they are installed: `pip install -e '.[bench]'`. None of them is a part of Traindeck.
"""

import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bench.programs import VOCABULARY, Program
from worker.nn.backbone import vision_models

os.environ.setdefault("KERAS_BACKEND", "torch")

Loop = Callable[[Program, Tensor, Tensor], float]


def skorch(program: Program, inputs: Tensor, targets: Tensor) -> float:
    """Seconds of `NeuralNet.partial_fit`, which keeps the loss of every batch in its history."""
    from skorch import NeuralNet

    asked = program.training.optimizer
    torch.manual_seed(0)
    net = NeuralNet(
        program.by_hand,
        criterion=_Criterion(program),
        optimizer={"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[asked.type],
        lr=asked.lr,
        batch_size=program.batch_size,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    net.initialize()
    began = time.perf_counter()
    net.partial_fit(inputs, targets, epochs=program.num_epochs)
    return time.perf_counter() - began


class _Criterion(nn.Module):
    def __init__(self, program: Program) -> None:
        super().__init__()
        self._loss = program.loss

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._loss(outputs, targets)


def lightning(program: Program, inputs: Tensor, targets: Tensor) -> float:
    """Seconds of `Trainer.fit`, with the loss of every step logged to its CSV file."""
    vision_models()  # torchmetrics imports torchvision where it is installed
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.loggers import CSVLogger

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = program.by_hand()

        def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
            x, y = batch
            loss = program.loss(self.net(x), y)
            self.log("train/loss", loss)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return program.optimizer(self)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(0)
    module = Module()
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=program.batch_size, shuffle=True)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            max_epochs=program.num_epochs,
            accelerator="cpu",
            logger=CSVLogger(folder),
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        began = time.perf_counter()
        trainer.fit(module, loader)
        return time.perf_counter() - began


def keras(program: Program, inputs: Tensor, targets: Tensor) -> float:
    """Seconds of `Model.fit` on torch, with Keras's own layers, and a callback that keeps every batch's loss."""
    import keras as k

    losses: list[float] = []

    class Keep(k.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, _batch: int, logs: dict[str, float] | None = None) -> None:
            losses.append((logs or {})["loss"])

    k.config.set_image_data_format("channels_first")
    k.utils.set_random_seed(0)
    asked = program.training.optimizer
    model = _keras_model(k, program)
    optimizer = {"sgd": k.optimizers.SGD, "adam": k.optimizers.Adam}[asked.type](asked.lr)
    model.compile(optimizer, _keras_loss(k, program.training.loss_type))
    x, y = inputs.numpy(), targets.numpy()
    model.train_on_batch(x[: program.batch_size], y[: program.batch_size])  # what is made at first use is not timed
    began = time.perf_counter()
    model.fit(x, y, program.batch_size, program.num_epochs, verbose=0, callbacks=[Keep()])
    took = time.perf_counter() - began
    assert len(losses) == program.num_steps and np.isfinite(losses).all()
    return took


def _keras_loss(k: Any, loss: str) -> Any:
    return {
        "mse_loss": k.losses.MeanSquaredError,
        "l1_loss": k.losses.MeanAbsoluteError,
        "binary_cross_entropy": k.losses.BinaryCrossentropy,
        "binary_cross_entropy_with_logits": lambda: k.losses.BinaryCrossentropy(from_logits=True),
        "cross_entropy": lambda: k.losses.SparseCategoricalCrossentropy(from_logits=True),
    }[loss]()


def _keras_model(k: Any, program: Program) -> Any:
    layers = k.layers
    given = layers.Input(program.input_shape, dtype="int64" if program.takes_integers else "float32")
    return k.Model(given, _BUILT[program.title](layers, given))


def _dense(*sizes: int, between: str, last: str | None = None) -> Callable[[Any, Any], Any]:
    def build(layers: Any, x: Any) -> Any:
        for size in sizes[:-1]:
            x = layers.Dense(size, between)(x)
        return layers.Dense(sizes[-1], last)(x)

    return build


def _digits(layers: Any, x: Any) -> Any:
    import keras as k

    class LocalResponseNorm(k.layers.Layer):  # type: ignore[misc]  # Keras has none
        def call(self, x: Tensor) -> Tensor:
            return nn.functional.local_response_norm(x, 11, alpha=0.0011)

        def compute_output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
            return shape

    for channels, size, stride in ((6, 6, 1), (12, 5, 2), (24, 4, 2)):
        x = LocalResponseNorm()(layers.Conv2D(channels, size, stride, "same", activation="relu")(x))
    x = layers.Flatten()(x)
    for size in (128, 256):
        x = layers.Dropout(0.2)(layers.Dense(size, "tanh")(x))
    return layers.Dense(10)(x)


def _sequences(layers: Any, x: Any) -> Any:
    x = layers.Embedding(VOCABULARY, 64)(x)
    return layers.Dense(1, "sigmoid")(layers.LSTM(32, dropout=0.2, recurrent_dropout=0.2)(x))


def _convolutions(layers: Any, x: Any) -> Any:
    for channels in (16, 32):
        x = layers.MaxPooling2D(2)(layers.Conv2D(channels, 3, padding="same", activation="relu")(x))
    return layers.Dense(10)(layers.Dense(64, "relu")(layers.Flatten()(x)))


def _lstm(layers: Any, x: Any) -> Any:
    return layers.Dense(2)(layers.LSTM(64)(layers.Embedding(VOCABULARY, 64)(x)))


def _transformer(layers: Any, x: Any) -> Any:
    import keras as k

    class Positions(k.layers.Layer):  # type: ignore[misc]  # Keras has none that learns
        def build(self, shape: tuple[int, ...]) -> None:
            self.positions = self.add_weight(shape[1:], "zeros")

        def call(self, x: Tensor) -> Tensor:
            return x + self.positions

    x = Positions()(layers.Embedding(VOCABULARY, 64)(x))
    for _ in range(2):
        attended = layers.MultiHeadAttention(4, 16, dropout=0.1)(x, x)
        x = layers.LayerNormalization()(x + layers.Dropout(0.1)(attended))
        wide = layers.Dropout(0.1)(layers.Dense(128, "gelu")(x))
        x = layers.LayerNormalization()(x + layers.Dropout(0.1)(layers.Dense(64)(wide)))
    return layers.Dense(2)(layers.GlobalAveragePooling1D(data_format="channels_last")(x))


_BUILT: dict[str, Callable[[Any, Any], Any]] = {
    "1 celsius": _dense(1, between="linear"),
    "2a xor": _dense(4, 1, between="sigmoid", last="sigmoid"),
    "2b xor, Adam": _dense(4, 1, between="sigmoid", last="sigmoid"),
    "3 heart": _dense(256, 128, 64, 1, between="relu"),
    "4 digits": _digits,
    "5 sequences": _sequences,
    "MLP": _dense(256, 128, 10, between="relu"),
    "CNN": _convolutions,
    "LSTM": _lstm,
    "transformer": _transformer,
}
PEERS: dict[str, Loop] = {"Keras": keras, "Lightning": lightning, "skorch": skorch}
