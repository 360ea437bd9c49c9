"""Models with more state than the values of weights: layouts, masks, running means. Each goes on exactly."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch.amp import GradScaler

from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Head, Preprocessing, Target, TextStep
from worker.train import optimizers
from worker.train.batches import Part
from worker.train.compiling import Compiled
from worker.train.plan import Plan
from worker.train.precision import Scaled
from worker.train.setup import assemble
from worker.train.trainer import Trainer

from .conftest import CPU, Bench

MODELS: dict[str, tuple[tuple[int, ...], list[dict[str, Any]]]] = {
    "convolutions, channels last": (
        (3, 8, 8),
        [
            {"type": "conv2d", "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": "same", "l2": 0.01},
            {"type": "batch_norm"},
            {"type": "relu"},
            {"type": "local_response_norm", "size": 3},
            {"type": "dropout", "p": 0.2},
            {"type": "flatten"},
            {"type": "linear", "out_features": 4},
        ],
    ),
    "tokens, recurrent dropout": (
        (6,),
        [
            {"type": "embedding", "num_embeddings": 12, "embedding_dim": 5},
            {"type": "lstm", "hidden_size": 7, "input_dropout": 0.2, "recurrent_dropout": 0.2},
            {"type": "linear", "out_features": 4},
        ],
    ),
}
_FROZEN: list[dict[str, Any]] = [
    {"type": "block", "block": "front", "freeze": True, "lr_factor": 0.1},
    {"type": "flatten"},
    {"type": "linear", "out_features": 4},
]
for _when, _epochs in (("let go before", 1), ("let go after", 2)):
    MODELS[f"frozen, {_when}"] = ((3, 8, 8), [_FROZEN[0] | {"unfreeze_after": _epochs}, *_FROZEN[1:]])
BLOCKS = {
    "front": {
        "layers": [
            {"type": "conv2d", "out_channels": 6, "kernel_size": 3, "max_norm": 0.4},
            {"type": "batch_norm"},
            {"type": "dropout", "p": 0.2},
        ]
    }
}
OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    {"type": "adam", "lr": 0.01, "amsgrad": True},
    {"type": "rmsprop", "lr": 0.01, "centered": True},
]


MODELS["hidden matrices"] = (
    (3, 4, 4),
    [
        {"type": "flatten"},
        {"type": "linear", "out_features": 9, "l1": 0.001},
        {"type": "layer_norm"},
        {"type": "linear", "out_features": 7, "lr_factor": 0.5},
        {"type": "dropout", "p": 0.2},
        {"type": "linear", "out_features": 4},
    ],
)
OTHER_OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "adamw", "decay_norms_and_biases": False},
    {"type": "nadam", "lr": 0.01},
    {"type": "radam", "lr": 0.01, "weight_decay": 0.1, "decay_norms_and_biases": False},
    {"type": "adamax", "lr": 0.01},
    {"type": "adagrad", "lr": 0.05, "lr_decay": 0.1},
    {"type": "adadelta"},
    {"type": "adafactor", "lr": 0.05},
    {"type": "asgd", "lr": 0.05, "lambd": 0.1, "t0": 2},
    {"type": "rprop"},
    {"type": "muon", "lr": 0.02, "decay_norms_and_biases": False},
]
SEARCHING: list[dict[str, Any]] = [
    {"type": "lbfgs", "lr": 0.3, "max_iter": 3},
    {"type": "lbfgs", "history_size": 3, "line_search_fn": "strong_wolfe"},
]
SCHEDULES: list[dict[str, Any]] = [
    {"type": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.5},
    {"type": "plateau", "series": "train/loss", "patience": 0, "factor": 0.7, "threshold": 0.9},
    {"type": "one_cycle"},
    {"type": "cyclic", "max_lr": 0.1, "step_size_up": 3},
]


def make_plan(bench: Bench, model: str, optimizer: dict[str, Any], **changes: Any) -> Plan:
    shape, layers = MODELS[model]
    blocks = BLOCKS if any(layer["type"] == "block" for layer in layers) else {}
    spec = ModelSpec.model_validate({"layers": layers, "blocks": blocks})
    generator = torch.Generator().manual_seed(2)
    inputs = torch.rand(46, *shape, generator=generator)
    inputs = (inputs * 12).long() if spec.takes_integers else inputs
    targets = torch.randint(4, (46,), generator=generator)
    parts = {"train": Part(inputs[:30], targets[:30]), "validation": Part(inputs[30:], targets[30:])}
    training = TrainingSpec.model_validate(
        {
            "num_epochs": 3,
            "batch_size": 8,
            "seed": 5,
            "loss": {"type": "cross_entropy", "label_smoothing": 0.1},
            "optimizer": optimizer,
            "schedule": {"type": "cosine", "warmup_steps": 3},
            "metrics": [{"type": "accuracy"}, {"type": "top_k_accuracy", "k": 2}],
            "early_stopping": {"patience": 9},
            "max_grad_norm": 1.0,
            "watch_every": 1,
            "histograms_every": 2,
            **changes,
        }
    )
    preprocessing = Preprocessing(
        steps=[],
        input_shape=list(shape),
        input_dtype="int64" if spec.takes_integers else "float32",
        target=Target(name="y", classes=["a", "b", "c", "d"]),
        loss="cross_entropy",
    )
    return assemble(bench.run_id, spec, training, parts, preprocessing, CPU)


def state(trainer: Trainer) -> dict[str, torch.Tensor]:
    stopping = trainer.plan.stopping
    assert stopping is not None
    return {
        **{f"weights/{name}": tensor.clone() for name, tensor in trainer.plan.model.state_dict().items()},
        **{f"optimizer/{name}": tensor for name, tensor in optimizers.state_tensors(trainer.plan.optimizer).items()},
        **{f"best/{name}": tensor for name, tensor in stopping.best_weights.items()},
        **{f"averages/{name}": tensor for name, tensor in trainer.plan.averaging.tensors().items()},
        "random": torch.get_rng_state(),
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda one: one["type"])
@pytest.mark.parametrize("model", [name for name in MODELS if name != "hidden matrices"])
def test_a_training_taken_up_by_another_process_ends_in_the_same_bits(
    bench: Bench, model: str, optimizer: dict[str, Any]
) -> None:
    assert_taken_up(bench, lambda: make_plan(bench, model, optimizer))


@pytest.mark.parametrize("optimizer", OTHER_OPTIMIZERS, ids=lambda one: one["type"])
def test_whatever_an_optimizer_remembers_is_taken_up(bench: Bench, optimizer: dict[str, Any]) -> None:
    assert_taken_up(bench, lambda: make_plan(bench, "hidden matrices", optimizer))


@pytest.mark.parametrize("model", ["convolutions, channels last", "tokens, recurrent dropout"])
@pytest.mark.parametrize("optimizer", SEARCHING, ids=str)
def test_what_an_optimizer_that_searches_remembers_is_taken_up(
    bench: Bench, optimizer: dict[str, Any], model: str
) -> None:
    assert_taken_up(bench, lambda: make_plan(bench, model, optimizer))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_whatever_a_schedule_follows_is_taken_up(bench: Bench, schedule: dict[str, Any]) -> None:
    assert_taken_up(bench, lambda: make_plan(bench, "hidden matrices", OPTIMIZERS[0], schedule=schedule))


def test_a_rate_that_follows_a_curve_falls_after_the_epoch_that_was_no_better(bench: Bench) -> None:
    plan = make_plan(bench, "hidden matrices", {"type": "sgd", "lr": 0.1}, schedule=SCHEDULES[0])
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    values = trainer.history.epochs["validation/loss"]
    assert not any(later < 0.5 * values[0] for later in values), "halves nowhere, so it is never better"
    rates = [window.lr for window in trainer.history.windows]
    assert rates == [0.1] * 8 + [0.05] * 4
    assert plan.rate(12) == 0.025


def test_a_rate_follows_a_curve_until_weights_are_averaged(bench: Bench) -> None:
    falls = {"type": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.99}
    plan = make_plan(bench, "hidden matrices", {"type": "sgd", "lr": 0.1}, schedule=falls, swa={"start_epoch": 2})
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    assert [window.lr for window in trainer.history.windows] == [0.1] * 8 + [0.05] * 4
    assert plan.rate(12) == 0.05


def test_a_cycle_takes_the_momentum_with_it(bench: Bench) -> None:
    plan = make_plan(bench, "hidden matrices", OPTIMIZERS[0], schedule=SCHEDULES[2])
    Trainer(bench.claim(), plan).fit()
    assert plan.momentum is not None
    last = plan.momentum(plan.num_steps - 1)
    assert last == pytest.approx(0.95)
    assert [group["momentum"] for group in plan.optimizer.param_groups] == [last, last]


STEPS: dict[str, dict[str, Any]] = {
    "in pieces": {"micro_batch_size": 3},
    "in bfloat16": {"precision": "bfloat16"},
    "moving average": {"ema": {"decay": 0.8, "start_step": 2}},
    "mean of epochs": {"swa": {"start_epoch": 0, "lr": 0.002, "anneal_epochs": 2}},
    "mean of epochs in pieces of bfloat16": {
        "swa": {"start_epoch": 1},
        "micro_batch_size": 3,
        "precision": "bfloat16",
    },
}


@pytest.mark.parametrize("changes", STEPS.values(), ids=list(STEPS))
def test_whatever_a_step_does_is_taken_up(bench: Bench, changes: dict[str, Any]) -> None:
    assert_taken_up(bench, lambda: make_plan(bench, "convolutions, channels last", OPTIMIZERS[1], **changes))


def test_a_training_in_float16_is_taken_up(bench: Bench) -> None:
    def plan() -> Plan:
        made = make_plan(bench, "convolutions, channels last", OPTIMIZERS[1])
        made.precision = Scaled(CPU)
        made.precision.restore({"scaler": GradScaler("cpu", growth_interval=3).state_dict(), "num_skipped": 0})
        return made

    whole, second = assert_taken_up(bench, plan)
    assert whole.plan.precision.state() == second.plan.precision.state()


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_training_is_taken_up(bench: Bench) -> None:
    def plan() -> Plan:
        made = make_plan(bench, "convolutions, channels last", OPTIMIZERS[0])
        made.forward = Compiled(made.model, pytest.fail)
        return made

    assert_taken_up(bench, plan)


def test_a_training_of_several_outputs_is_taken_up_too(bench: Bench) -> None:
    assert_taken_up(bench, lambda: plan_of_heads(bench))


def words_of(length: int) -> TextStep:
    """Texts of a vocabulary of one word."""
    tokenizer = Tokenizer(WordLevel({"[PAD]": 0, "[UNK]": 1, "a": 2}, "[UNK]")).to_str()
    return TextStep(name="text", tokenizer=tokenizer, length=length)


def plan_of_heads(bench: Bench) -> Plan:
    """Two outputs of one trunk, a class and tokens, which are counted each for themselves."""
    layers = [
        {"type": "linear", "out_features": 8, "name": "trunk"},
        {"type": "linear", "out_features": 4, "name": "kind"},
        {"type": "dropout", "inputs": ["trunk"]},
        {"type": "linear", "out_features": 6},
        {"type": "reshape", "shape": [2, 3], "name": "words"},
    ]
    spec = ModelSpec.model_validate({"layers": layers, "outputs": ["kind", "words"]})
    generator = torch.Generator().manual_seed(2)
    inputs, kinds = torch.rand(46, 5, generator=generator), torch.randint(4, (46, 1), generator=generator)
    targets = torch.cat([kinds, torch.randint(3, (46, 2), generator=generator)], 1).float()
    parts = {"train": Part(inputs[:30], targets[:30]), "validation": Part(inputs[30:], targets[30:])}
    training = TrainingSpec.model_validate(
        {
            "num_epochs": 3,
            "batch_size": 8,
            "outputs": {
                "kind": {"loss": {"type": "cross_entropy"}, "metrics": [{"type": "f1"}]},
                "words": {"loss": {"type": "cross_entropy"}, "weight": 0.5, "metrics": [{"type": "accuracy"}]},
            },
            "early_stopping": {"patience": 9},
        }
    )
    words = Target(name="text", step=words_of(2), num_classes=3)
    heads = [
        Head(name="kind", shape=[4], loss="cross_entropy", target=Target(name="y", classes=["a", "b", "c", "d"])),
        Head(name="words", shape=[2, 3], loss="cross_entropy", target=words),
    ]
    target = Target(name="kind, words", heads=heads)
    how = Preprocessing(steps=[], input_shape=[5], input_dtype="float32", target=target, loss="weighted_sum")
    return assemble(bench.run_id, spec, training, parts, how, CPU)


def assert_taken_up(bench: Bench, plan: Callable[[], Plan]) -> tuple[Trainer, Trainer]:
    """A training that is killed between two checkpoints ends as one that is not; both."""
    whole = Trainer(bench.claim(), plan())
    whole.fit()

    first = Trainer(bench.claim(), plan())
    tend = first._tend

    class Killed(BaseException):
        pass

    def save_and_die() -> None:
        if first.step == 5:
            first.save()
        if first.step == 7:
            raise Killed
        tend()

    first._tend = save_and_die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        first.fit()
    torch.manual_seed(999)

    second = Trainer(bench.claim(), plan())
    second.resume()
    assert second.step == 5
    second.fit()
    expected, found = state(whole), state(second)
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert second.history.state() == whole.history.state()  # in which NaN equals itself
    return whole, second
