"""What a run may do that no script says: it is refused in words, for a script that trains otherwise would be worse."""

from collections.abc import Iterator
from typing import Any

from app.codegen.sizes import lies_in_files, row_bytes
from app.codegen.splits import leaves_out
from app.codegen.writing import Trained
from app.specs.base import Problem, Spec, SpecError
from app.specs.graph import Node
from app.specs.layers import Layer
from app.specs.layers.base import Learned, Weighted

# The fields that scripts know of. A field that comes later is refused where it says something, until it is said here.
_SAID_OF_DATA = """
    features inputs target outputs next_token input_shape window split scale scale_target missing repeats categories
    columns augment
"""
_SAID_OF_TRAINING = """
    num_epochs batch_size seed device shuffle loss outputs optimizer schedule metrics early_stopping max_grad_norm
    max_grad_value checkpoint_every_s keep_checkpoints log_every_epochs max_crashes watch_every histograms_every
    start_from micro_batch_size precision tf32 compile deterministic ema swa num_processes lr_range_test fit_memory
"""
_SAID_OF_LAYERS = "type name inputs freeze unfreeze_after lr_factor weight_init bias_init l1 l2 max_norm"


def refuse_unsaid(trained: Trained) -> None:
    """Raises SpecError with everything in a run that no script says."""
    spec = trained.spec
    found = [
        *_fields("data", spec.data, _SAID_OF_DATA),
        *_fields("training", spec.training, _SAID_OF_TRAINING),
        *_passing(trained),
        *_means(trained),
        *_layers(trained),
    ]
    found = found or list(_rows_in_files(trained))
    if found:
        raise SpecError(found)


def _fields(place: str, spec: Spec, said: str) -> Iterator[Problem]:
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name not in said.split() and value != field.get_default(call_default_factory=True):
            yield Problem(loc=[place, name], msg="a script cannot say this", received=_plain(value))


def _passing(trained: Trained) -> Iterator[Problem]:
    """How a batch goes through the model is said of one input and one output, and float16 has a factor besides."""
    training = trained.spec.training
    if training.num_processes > 1:
        message = "a script trains in one process: with num_processes 1 the losses are the same, to rounding"
        yield Problem(loc=["training", "num_processes"], msg=message, received=training.num_processes)
    if training.precision == "float16":
        message = "a script cannot say this: it has no factor that keeps gradients from being 0. It can say bfloat16"
        yield Problem(loc=["training", "precision"], msg=message, received="float16")
    elif trained.inputs or trained.heads:
        for name in ("micro_batch_size", "precision", "compile"):
            value = getattr(training, name)
            if value not in (None, "float32", False):
                message = "a script cannot say this of a model with several inputs or outputs"
                yield Problem(loc=["training", name], msg=message, received=value)


def _means(trained: Trained) -> Iterator[Problem]:
    """Batch normalization of a mean is measured by torch's own function, which knows nothing of frozen layers."""
    swa = trained.spec.training.swa
    if swa is not None and any(node.pace.frozen_epochs for node in trained.model.nodes):
        message = "a script cannot say this of a model with frozen layers"
        yield Problem(loc=["training", "swa"], msg=message, received=_plain(swa))


def _layers(trained: Trained) -> Iterator[Problem]:
    common = {*Layer.model_fields, *Learned.model_fields, *Weighted.model_fields}
    for node in trained.model.nodes:
        if trained.spec.training.optimizer.type == "lbfgs":
            yield from _penalties(node)
        for name in sorted(common.difference(_SAID_OF_LAYERS.split())):
            if getattr(node.layer, name, None) not in (None, type(node.layer).model_fields[name].default):
                yield Problem(loc=["model", *node.loc, name], msg="a script cannot say this", received=None)


def _penalties(node: Node) -> Iterator[Problem]:
    """lbfgs compares losses with their penalties, which a script adds to gradients alone."""
    for name in ("l1", "l2"):
        if getattr(node.layer, name, 0):
            message = "a script cannot say a penalty for lbfgs, which compares losses"
            yield Problem(loc=["model", *node.loc, name], msg=message, received=getattr(node.layer, name))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Spec) else value


def _rows_in_files(trained: Trained) -> Iterator[Problem]:
    """Rows that do not fit in memory are mixed in another way. Whether they fit must be told from the columns."""
    if leaves_out(trained) and lies_in_files(trained):
        message = "of these rows some are left out, and how many tells whether they lay in a file, mixed in another way"
        yield Problem(loc=["data"], msg=message, received=trained.num_rows * row_bytes(trained))
