"""Versions of a model: the line of a family, and what tells one from another. Plain functions on a session.

A model is never changed; who changes one keeps the next version of its family, made of whichever version they like.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from app.db.tables import Model, Run
from app.errors import NotFound, Unprocessable
from app.models.schemas import DifferenceOut, ModelRef, Sides
from app.specs.base import Problem, Shape, SpecError
from app.specs.difference import difference
from app.specs.model import Inspection, ModelSpec


def find_model(session: Session, model_id: str) -> Model:
    """The row of that id. Raises NotFound."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound(f"There is no model {model_id}.")
    return model


def is_newest() -> ColumnElement[bool]:
    """Whether a row of Model is the newest of its family."""
    other = aliased(Model)
    newer = select(other.id).where(other.family_id == Model.family_id, other.version > Model.version)
    return ~newer.correlate(Model).exists()


def find_parent(session: Session, parent_id: str) -> Model:
    """The model that another is to be the next version of. Raises Unprocessable."""
    parent = session.get(Model, parent_id)
    if parent is None:
        message = "there is no model with this id"
        raise Unprocessable(message, errors=[Problem(loc=["parent_id"], msg=message, received=parent_id)])
    return parent


def next_of(session: Session, parent: Model) -> dict[str, Any]:
    """The family of a model and the number of its next version, which nobody else takes before this is committed."""
    family = Model.family_id == parent.family_id
    session.execute(select(Model.id).where(family).with_for_update()).all()  # of two at once one waits for the other
    last = session.scalar(select(func.max(Model.version)).where(family)) or parent.version
    return {"family_id": parent.family_id, "version": last + 1}


def inherited(session: Session, parent: Model, definition: ModelSpec) -> tuple[Shape | None, int | None]:
    """The input that the parent is made for and the parameters of its next version, where that fits it too."""
    shape = shape_of(session, parent)
    if shape is None:
        return None, None
    try:
        return shape, definition.inspect(shape).num_parameters
    except SpecError:
        return None, None


def family_of(session: Session, model_id: str) -> list[Model]:
    """Every version of a model's family, the newest first. Raises NotFound."""
    family = Model.family_id == find_model(session, model_id).family_id
    return list(session.scalars(select(Model).where(family).order_by(Model.version.desc())))


def compare(session: Session, before_id: str, after_id: str, input_shape: Shape | None = None) -> DifferenceOut:
    """What tells one model from another, and what both cost for one input: that of either, where none is said.

    Raises NotFound.
    """
    before, after = find_model(session, before_id), find_model(session, after_id)
    old, new = (ModelSpec.model_validate(one.definition) for one in (before, after))
    shape = input_shape or shape_of(session, after) or shape_of(session, before)
    looked, misfits = _looked_at([(before, old), (after, new)], shape)
    return DifferenceOut(
        **dict(difference(old, new)),
        before=_ref(before),
        after=_ref(after),
        input_shape=list(shape) if shape else None,
        num_parameters=_sides([one.num_parameters if one else None for one in looked]),
        num_multiply_adds=_sides([one.num_multiply_adds if one else None for one in looked]),
        misfits=misfits,
    )


def shape_of(session: Session, model: Model) -> Shape | None:
    """What a model was made for, else what the newest run fed it, else nothing."""
    if model.input_shape:
        return tuple(model.input_shape)
    fed = select(Run.inspection["input_shape"].as_json()).where(Run.model_id == model.id).order_by(Run.id.desc())
    found = session.scalar(fed.limit(1))
    return tuple(found) if found else None


def _looked_at(
    models: Sequence[tuple[Model, ModelSpec]], shape: Shape | None
) -> tuple[list[Inspection | None], list[str]]:
    found: list[Inspection | None] = []
    misfits = []
    for row, spec in models:
        try:
            found.append(spec.inspect(shape) if shape else None)
        except SpecError as error:
            found.append(None)
            misfits.append(f"version {row.version}: {error.errors[0].msg}")
    return found, misfits


def _sides(figures: Sequence[int | None]) -> Sides:
    before, after = figures
    return Sides(before=before, after=after)


def _ref(model: Model) -> ModelRef:
    return ModelRef(id=model.id, name=model.name, version=model.version)
