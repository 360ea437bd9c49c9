"""What a user knows of PyTorch holds here: names of arguments and their defaults are torch's own."""

import importlib
import inspect
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from app.specs.initializers import AnyInitializer
from app.specs.layers import LAYERS, Layer, Learned
from app.specs.losses import AnyLoss
from app.specs.optimizers import AnyOptimizer
from app.specs.schedules import AnySchedule

OF_EVERY_LAYER = {"type", "name", "inputs", "weight_init", "bias_init", "l1", "l2", "max_norm"}
OF_EVERY_LAYER |= set(Learned.model_fields)
OF_A_TRANSFORMER = {"is_causal", "rotary"}
OURS = {  # where torch has another default, none, or no such argument
    **{f"adaptive_{way}_pool{axes}d": {"output_size"} for way in ("avg", "max") for axes in (1, 2, 3)},
    **{kind: {"input_dropout", "recurrent_dropout", "output"} for kind in ("rnn", "lstm", "gru")},
    **{kind: {"dim"} for kind in ("concat", "softmax", "softmin", "log_softmax")},
    "multihead_attention": OF_A_TRANSFORMER,
    "transformer_encoder_layer": OF_A_TRANSFORMER | {"activation"},  # a function there
    "transformer_decoder_layer": OF_A_TRANSFORMER | {"activation"},
    "prelu": {"per_channel"},
    "reshape": {"shape"},
    "upsample": {"scale_factor", "align_corners"},
}
# Of torch's optimizers: how a step is computed, which the device decides; and what adamw and the loss say already.
WAYS = {"foreach", "fused", "capturable", "differentiable", "maximize"}
TORCHS: dict[str, Any] = {  # where the recipe names a module of ours, or which one follows from the input
    "worker.nn.modules.LocalResponseNorm": torch.nn.LocalResponseNorm,
    "worker.nn.modules.RReLU": torch.nn.RReLU,
    "worker.nn.recurrent.RNN": torch.nn.RNN,
    "worker.nn.recurrent.LSTM": torch.nn.RNNBase,
    "worker.nn.recurrent.GRU": torch.nn.RNNBase,
    "worker.nn.attention.MultiheadAttention": torch.nn.MultiheadAttention,
    "worker.nn.attention.TransformerEncoderLayer": torch.nn.TransformerEncoderLayer,
    "worker.nn.attention.TransformerDecoderLayer": torch.nn.TransformerDecoderLayer,
    "worker.nn.shape.MaxUnpool": torch.nn.MaxUnpool2d,
    "worker.nn.shape.CosineSimilarity": torch.nn.CosineSimilarity,
}
NOT_TORCHS = {  # torch has no such module
    "backbone",
    "class_token",
    "drop_path",
    "gaussian_noise",
    "layer_scale",
    "mean",
    "normalization",
    "pad",
    "select",
    "separable_conv2d",
    "sinusoidal_position",
    "slice",
    "squeeze_excitation",
    "transformer_decoder",  # takes a layer; its own arguments are those of the layer, and num_layers and norm
    "transformer_encoder",
}


def defaults(function: Any) -> dict[str, Any]:
    return {name: one.default for name, one in inspect.signature(function).parameters.items()}


def assert_same(spec: type, fields: set[str], torchs: dict[str, Any]) -> None:
    assert fields <= torchs.keys(), f"torch has no {fields - torchs.keys()}"
    for name in fields:
        field = spec.model_fields[name]  # type: ignore[attr-defined]
        wanted = torchs[name]
        if wanted is inspect.Parameter.empty:
            assert field.is_required(), name
        else:
            assert field.default == wanted, name


def torch_class(layer: type[Layer]) -> Any:
    example = layer.examples[0]
    spec = layer.model_validate({"type": layer.model_fields["type"].default, **example.args})
    path = spec.recipe(*example.inputs).cls.replace("worker.nn.modules.Same", "torch.nn.")
    place, _, name = path.rpartition(".")
    return TORCHS.get(path) or getattr(importlib.import_module(place), name)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.model_fields["type"].default)
def test_layers_have_torchs_arguments(layer: type[Layer]) -> None:
    kind = layer.model_fields["type"].default
    if kind in NOT_TORCHS:
        assert torch_class(layer).__module__.startswith("worker.nn")
        return
    fields = set(layer.model_fields) - OF_EVERY_LAYER - OURS.get(kind, set())
    torchs = defaults(torch_class(layer))
    if torch_class(layer) is torch.nn.RNN:  # takes what its base takes, and says so in words
        torchs |= defaults(torch.nn.RNNBase) | {"nonlinearity": "tanh"}
    assert_same(layer, fields, torchs)


@pytest.mark.parametrize("spec", AnyOptimizer.__origin__.__args__, ids=lambda spec: spec.__name__)
def test_optimizers_have_torchs_arguments(spec: type) -> None:
    torchs = defaults(getattr(torch.optim, spec.__name__))
    fields = set(spec.model_fields) - {"type", "decay_norms_and_biases"}  # type: ignore[attr-defined]
    own = {name for name in fields if not name.startswith("adamw_")}  # of muon; those are of another optimizer
    assert_same(spec, own, torchs)
    assert torchs.keys() - own <= {"params", *WAYS, *({"decoupled_weight_decay"} if spec.__name__ == "Adam" else ())}
    assert fields - own <= {f"adamw_{name}" for name in defaults(torch.optim.AdamW)}


SCHEDULERS: dict[str, Any] = {
    "constant": lr_scheduler.ConstantLR,
    "step": lr_scheduler.StepLR,
    "multistep": lr_scheduler.MultiStepLR,
    "exponential": lr_scheduler.ExponentialLR,
    "linear": lr_scheduler.LinearLR,
    "polynomial": lr_scheduler.PolynomialLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "cosine_warm_restarts": lr_scheduler.CosineAnnealingWarmRestarts,
    "one_cycle": lr_scheduler.OneCycleLR,
    "cyclic": lr_scheduler.CyclicLR,
    "plateau": lr_scheduler.ReduceLROnPlateau,
}
OF_EVERY_SCHEDULE = {"type", "unit", "warmup_steps", "warmup_start_factor"}
SCHEDULES_OWN = {  # where torch has another default, none, or no such argument: what a run knows by itself
    "constant": {"factor"},
    "step": {"step_size"},
    "exponential": {"gamma", "every", "staircase"},
    "cosine": {"T_max"},
    "one_cycle": {"max_lr"},
    "cyclic": {"base_lr"},
    "plateau": {"series"},
}


@pytest.mark.parametrize("spec", AnySchedule.__origin__.__args__, ids=lambda spec: spec.__name__)
def test_schedules_have_torchs_arguments(spec: type) -> None:
    kind = spec.model_fields["type"].default  # type: ignore[attr-defined]
    if kind == "inverse_sqrt":
        return  # of transformers
    fields = set(spec.model_fields) - OF_EVERY_SCHEDULE - SCHEDULES_OWN.get(kind, set())  # type: ignore[attr-defined]
    assert_same(spec, fields, defaults(SCHEDULERS[kind]))


def test_every_optimizer_of_torch_is_there() -> None:
    torchs = {name for name, one in vars(torch.optim).items() if isinstance(one, type)}
    ours = {spec.__name__ for spec in AnyOptimizer.__origin__.__args__}
    assert torchs - ours == {"Optimizer", "SparseAdam"}  # no layer has sparse gradients


@pytest.mark.parametrize("spec", AnyInitializer.__origin__.__args__, ids=lambda spec: spec.__name__)
def test_initialisers_have_torchs_arguments(spec: type) -> None:
    kind = spec.model_fields["type"].default  # type: ignore[attr-defined]
    if kind == "values":
        return  # given, not made
    fields = set(spec.model_fields) - {"type", "nonlinearity"}  # torch's is leaky_relu with no slope: relu
    assert_same(spec, fields, defaults(getattr(torch.nn.init, f"{kind}_")))


OWN_LOSSES = {"focal_loss", "sigmoid_focal_loss", "hinge_loss"}  # which torch lacks


@pytest.mark.parametrize("spec", AnyLoss.__origin__.__args__, ids=lambda spec: spec.__name__)
def test_losses_have_torchs_arguments(spec: type) -> None:
    kind = spec.model_fields["type"].default  # type: ignore[attr-defined]
    if kind in OWN_LOSSES:
        assert not hasattr(torch.nn.functional, kind)
        return
    torchs = defaults(getattr(torch.nn.functional, kind))
    assert_same(spec, set(spec.model_fields) - {"type"}, torchs)
