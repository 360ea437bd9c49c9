"""Models kept by name. Plain functions on a session; the caller commits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Model, Run
from app.errors import Unprocessable
from app.models import versions
from app.models.schemas import ModelIn, ModelOut
from app.specs.base import Shape, SpecError
from app.specs.model import ModelSpec

find_model = versions.find_model  # as other features know it


def create_model(session: Session, said: ModelIn) -> Model:
    """Keep a model under a name. Two may have the same name; the newer does not replace the older.

    Raises Unprocessable when its layers are wired wrongly or do not fit the input that it is said to be made for.
    """
    num_parameters = _checked(said.definition, said.input_shape)
    input_shape = said.input_shape
    family: dict[str, Any] = {}
    if said.parent_id is not None:
        parent = versions.find_parent(session, said.parent_id)
        family = versions.next_of(session, parent)
        if input_shape is None:
            input_shape, num_parameters = versions.inherited(session, parent, said.definition)
    model = Model(
        name=said.name,
        definition=said.definition.model_dump(mode="json", exclude_unset=True),
        parent_id=said.parent_id,
        input_shape=list(input_shape) if input_shape else None,
        num_parameters=num_parameters,
        created_at=now(),
        **family,
    )
    session.add(model)
    session.flush()
    return model


def _checked(definition: ModelSpec, input_shape: Shape | None) -> int | None:
    """How many parameters a model has, where it is said what it is fed. Raises Unprocessable."""
    problems = list(definition.graph.problems)
    if not problems and input_shape is not None:
        try:
            return definition.inspect(input_shape).num_parameters
        except SpecError as error:
            problems = error.errors
    if problems:
        placed = [one if one.loc[0] == "input_shape" else one.under("definition") for one in problems]
        raise Unprocessable.of(SpecError(placed))
    return None


def get_model(session: Session, model_id: str) -> ModelOut:
    """The model of that id. Raises NotFound."""
    return _out(session, [find_model(session, model_id)])[0]


def list_models(session: Session, *, cursor: str | None = None, limit: int = 50) -> tuple[list[ModelOut], str | None]:
    """Models, newest first, from after `cursor`; and the cursor of the next page, None at the end.

    Of each, the newest version.
    """
    query = select(Model).where(versions.is_newest()).order_by(Model.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(Model.id < cursor)
    rows = list(session.scalars(query))
    return _out(session, rows[:limit]), rows[limit - 1].id if len(rows) > limit else None


def list_versions(session: Session, model_id: str) -> list[ModelOut]:
    """Every version of a model, the newest first. Raises NotFound."""
    return _out(session, versions.family_of(session, model_id))


def delete_model(session: Session, model_id: str) -> None:
    """Forget a model, one version of it. Runs that used it keep their copy of its definition. Raises NotFound."""
    session.delete(find_model(session, model_id))
    session.flush()


def _out(session: Session, rows: Sequence[Model]) -> list[ModelOut]:
    ids, families = [row.id for row in rows], {row.family_id for row in rows}
    used = select(Run.model_id, func.count(), func.max(Run.id)).where(Run.model_id.in_(ids)).group_by(Run.model_id)
    runs = {model_id: (count, newest) for model_id, count, newest in session.execute(used)}
    fed = _fed(session, [newest for _, newest in runs.values()])
    num_versions, num_runs = _of_families(session, families)
    return [
        ModelOut(
            id=row.id,
            name=row.name,
            family_id=row.family_id,
            version=row.version,
            parent_id=row.parent_id,
            num_versions=num_versions[row.family_id],
            definition=row.definition,
            input_shape=row.input_shape or fed.get(row.id, (None, None))[0],
            num_parameters=row.num_parameters if row.input_shape else fed.get(row.id, (None, None))[1],
            num_layers=len(row.definition["layers"]),
            num_runs=runs[row.id][0] if row.id in runs else 0,
            num_runs_of_family=num_runs.get(row.family_id, 0),
            created_at=row.created_at,
        )
        for row in rows
    ]


def _fed(session: Session, run_ids: Sequence[str]) -> dict[str, tuple[list[int], int]]:
    """What runs fed their models, and how many parameters those had: by model."""
    shape = Run.inspection["input_shape"].as_json()
    rows = session.execute(select(Run.model_id, shape, Run.num_parameters).where(Run.id.in_(run_ids)))
    return {model_id: (found, num_parameters) for model_id, found, num_parameters in rows}


def _of_families(session: Session, families: set[str]) -> tuple[dict[str, int], dict[str, int]]:
    """How many versions each family has, and how many runs trained any of them."""
    own = Model.family_id.in_(families)
    versions_of = session.execute(select(Model.family_id, func.count()).where(own).group_by(Model.family_id))
    used = select(Model.family_id, func.count()).join(Run, Run.model_id == Model.id).where(own)
    return dict(versions_of.all()), dict(session.execute(used.group_by(Model.family_id)).all())
