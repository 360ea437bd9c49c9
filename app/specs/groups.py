"""A group: one run that is trained several times as one experiment, over the folds of its split or over seeds."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Problem, Spec, SpecError
from app.specs.run import RunSpec
from app.specs.splits import KFoldSplit

MAX_RUNS = 100
_MAX_NAME = 200
_SEEDS = 2**63

Seed = Annotated[int, Field(ge=0, lt=_SEEDS)]


class OverFolds(Spec):
    """Each fold of the split `k_fold` validates in turn."""

    type: Literal["folds"] = "folds"


class OverSeeds(Spec):
    """The same training from several seeds: other first weights, another order of the rows, the same split."""

    type: Literal["seeds"] = "seeds"
    num_seeds: int | None = Field(default=None, ge=2, le=MAX_RUNS)
    """so many, from `training.seed` on; five where nothing is said"""
    seeds: tuple[Seed, ...] | None = Field(default=None, min_length=2, max_length=MAX_RUNS)
    """or these"""

    @model_validator(mode="after")
    def _says_one_of_them(self) -> Self:
        if self.num_seeds is not None and self.seeds is not None:
            raise ValueError("say num_seeds or seeds, not both")
        if self.seeds is not None and len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds has one of them twice: two runs would be the same")
        return self


AnyOver = Annotated[OverFolds | OverSeeds, Field(discriminator="type")]


class GroupSpec(RunSpec):
    """The body of POST /groups: that of a run, and over what it is repeated."""

    over: AnyOver
    """what differs between the runs"""


def values_of(group: GroupSpec) -> list[int]:
    """The folds or the seeds. Raises SpecError where the split has no folds, or too many."""
    if isinstance(group.over, OverFolds):
        return list(range(_num_folds(group)))
    if group.over.seeds is not None:
        return list(group.over.seeds)
    first = group.training.seed
    return [(first + i) % _SEEDS for i in range(group.over.num_seeds or 5)]


def _num_folds(group: GroupSpec) -> int:
    split = group.data.split
    if not isinstance(split, KFoldSplit):
        message = f"a split {split.type!r} has no folds: split by k_fold, or repeat over seeds"
        raise SpecError([Problem(loc=["data", "split", "type"], msg=message, received=split.type)])
    if split.num_folds > MAX_RUNS:
        message = f"a group has at most {MAX_RUNS} runs"
        raise SpecError([Problem(loc=["data", "split", "num_folds"], msg=message, received=split.num_folds)])
    return split.num_folds


def runs_of(group: GroupSpec) -> Iterator[RunSpec]:
    """The runs of a group, in the order of `values_of`. Raises SpecError as that does."""
    said = {name: getattr(group, name) for name in RunSpec.model_fields}
    for value in values_of(group):
        yield RunSpec(**(said | _with(group, value)))


def _with(group: GroupSpec, value: int) -> dict[str, object]:
    """What a run of the group has of its own."""
    split = group.data.split
    if isinstance(group.over, OverFolds) and isinstance(split, KFoldSplit):
        data = group.data.model_copy(update={"split": split.model_copy(update={"fold": value})})
        return {"name": _named(group.name, f", fold {value + 1} of {split.num_folds}"), "data": data}
    training = group.training.model_copy(update={"seed": value})
    return {"name": _named(group.name, f", seed {value}"), "training": training}


def _named(name: str, what: str) -> str:
    return name[: _MAX_NAME - len(what)] + what
