"""Whether a model with several inputs is told what to feed each of them, and whether it can be."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.checks.words import Columns, listed, no_column
from app.specs.data import DataSpec
from app.specs.model import ModelSpec

MAX_EXACT = 1 << 24  # whole numbers below are exact in numbers of four bytes, as several inputs are fed
_LEFT_OUT = ("features", "input_shape", "window")  # what is said of one input


def column_problems(data: DataSpec, columns: Columns) -> Iterator[Problem]:
    """What does not fit of the columns that several inputs are fed."""
    named: dict[str, str] = {}
    for name, fed in (data.inputs or {}).items():
        for i, column in enumerate(fed):
            message = None
            if column not in columns:
                message = no_column(column, columns)
            elif column in data.targets:
                message = f"{column!r} is the target: a model that is shown the answer learns nothing"
            elif column in named:
                message = f"{column!r} feeds {named[column]!r} already: a column feeds one input"
            named.setdefault(column, name)
            if message:
                yield Problem(loc=["data", "inputs", name, i], msg=message, received=column)
    for field in _LEFT_OUT if data.inputs is not None else ():
        if getattr(data, field) is not None:
            message = f"{field} is for a model with one input: inputs say what each is fed, so leave it out"
            yield Problem(loc=["data", field], msg=message, received=None)
    if data.inputs is not None and data.next_token:
        message = "the next token follows from one text, and several inputs are fed"
        yield Problem(loc=["data", "next_token"], msg=message, received=True)


def feeding_problems(model: ModelSpec, data: DataSpec) -> Iterator[Problem]:
    """Whether `data` says what each input of the model is fed, exactly where it has several."""
    inputs = data.inputs or {}
    if len(model.inputs) == 1:
        if data.inputs is not None:
            message = f"the model has one input, {model.inputs[0]!r}: name its columns in features"
            yield Problem(loc=["data", "inputs"], msg=message, received=list(inputs))
        return
    if data.inputs is None:
        example = ", ".join(f'"{name}": ["a column"]' for name in model.inputs)
        message = f"the model has the inputs {listed(model.inputs)}: say which columns each is fed, as {{{example}}}"
        yield Problem(loc=["data", "inputs"], msg=message, received=None)
        return
    for name in inputs:
        if name not in model.inputs:
            message = f"the model has no input {name!r}; it has {listed(model.inputs)}"
            yield Problem(loc=["data", "inputs", name], msg=message, received=name)
    for name in model.inputs:
        if name not in inputs:
            message = f"the input {name!r} is fed nothing: name its columns"
            yield Problem(loc=["data", "inputs", name], msg=message, received=None)
    if data.augment:
        message = "only a single input is changed while training: leave it out, or give the model one input"
        yield Problem(loc=["data", "augment"], msg=message, received=data.augment[0].type)
    for node in model.graph.nodes:
        count = getattr(node.layer, "num_embeddings", 0)
        if count > MAX_EXACT:
            message = f"of several inputs {MAX_EXACT:,} whole numbers can be told apart"
            yield Problem(loc=["model", *node.loc, "num_embeddings"], msg=message, received=count)
