"""Models kept by name. Plain functions on a session; the caller commits."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Model, Run
from app.errors import NotFound, Unprocessable
from app.models.schemas import ModelOut
from app.specs.base import SpecError
from app.specs.model import ModelSpec


def create_model(session: Session, name: str, definition: ModelSpec) -> Model:
    """Keep a model under a name. Two may have the same name; the newer does not replace the older.

    Raises Unprocessable when its layers are wired wrongly; whether they fit depends on what they are fed.
    """
    if definition.graph.problems:
        raise Unprocessable.of(SpecError([one.under("definition") for one in definition.graph.problems]))
    model = Model(name=name, definition=definition.model_dump(mode="json", exclude_unset=True), created_at=now())
    session.add(model)
    session.flush()
    return model


def get_model(session: Session, model_id: str) -> ModelOut:
    """The model of that id. Raises NotFound."""
    return _out(session, [find_model(session, model_id)])[0]


def find_model(session: Session, model_id: str) -> Model:
    """The row of that id. Raises NotFound."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound(f"There is no model {model_id}.")
    return model


def list_models(session: Session, *, cursor: str | None = None, limit: int = 50) -> tuple[list[ModelOut], str | None]:
    """Models, newest first, from after `cursor`; and the cursor of the next page, None at the end."""
    query = select(Model).order_by(Model.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(Model.id < cursor)
    rows = list(session.scalars(query))
    return _out(session, rows[:limit]), rows[limit - 1].id if len(rows) > limit else None


def delete_model(session: Session, model_id: str) -> None:
    """Forget a model. Runs that used it keep their copy of its definition. Raises NotFound."""
    session.delete(find_model(session, model_id))
    session.flush()


def _out(session: Session, rows: list[Model]) -> list[ModelOut]:
    ids = [row.id for row in rows]
    counted = select(Run.model_id, func.count()).where(Run.model_id.in_(ids)).group_by(Run.model_id)
    num_runs = dict(session.execute(counted).all())
    return [
        ModelOut(
            id=row.id,
            name=row.name,
            definition=row.definition,
            num_layers=len(row.definition["layers"]),
            num_runs=num_runs.get(row.id, 0),
            created_at=row.created_at,
        )
        for row in rows
    ]
