"""Models over REST, and the vocabulary they are written in."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import TypeAdapter, ValidationError

from app.codegen.module import to_module
from app.datasets import service as datasets
from app.dependencies import Reading, Writing
from app.errors import Unprocessable
from app.models import service, versions
from app.models.schemas import (
    CodeIn,
    DifferenceOut,
    FromKerasOut,
    InspectIn,
    InspectOut,
    ModelCheckOut,
    ModelIn,
    ModelOut,
    ModelPage,
    Sizes,
    TemplateOut,
    TemplatesIn,
)
from app.models.templates import templates as templates_for
from app.specs import catalogue
from app.specs.base import Fed, Problem, SpecError, problems
from app.specs.features import fed_shape
from app.specs.inspection import SHAPE_FIELDS, LayerReport
from app.specs.memory import training_memory
from app.specs.traced import traced

router = APIRouter(tags=["models"])
_FED: TypeAdapter[Fed] = TypeAdapter(Sizes | dict[str, Sizes])
_SIZES = r"^\d{1,9}(,\d{1,9}){0,9}$"  # of a shape, in a query


@router.post("/models", status_code=201)
def create(body: ModelIn, session: Writing, response: Response) -> ModelOut:
    """Keep a model under a name: a new one, or with `parent_id` the next version of one."""
    model = service.create_model(session, body)
    response.headers["Location"] = f"/api/v1/models/{model.id}"
    return service.get_model(session, model.id)


@router.get("/models")
def list_all(session: Reading, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> ModelPage:
    """Models, newest first: of each the newest version."""
    items, next_cursor = service.list_models(session, cursor=cursor, limit=limit)
    return ModelPage(items=items, next_cursor=next_cursor)


@router.post("/models/inspect")
def inspect(body: InspectIn, session: Reading) -> InspectOut:
    """What each layer makes of its input, what it costs, and the memory that training takes. Stores nothing."""
    try:
        found = body.model.inspect(_shape(body, session))
    except SpecError as error:
        raise Unprocessable.of(error) from error
    memory = training_memory(body.model, found, body.optimizer, body.batch_size) if body.optimizer else None
    return InspectOut(**dict(found), memory=memory)


@router.post("/models/check")
def check(body: dict[str, Any]) -> ModelCheckOut:
    """Say whether a model holds for what it is fed, and what is known of its layers. Stores nothing."""
    try:
        asked = CodeIn.model_validate(body)
        found = asked.model.inspect(_said(asked) or ())
    except ValidationError as error:
        errors = problems(error)
    except SpecError as error:
        errors = [_placed(one) for one in error.errors]
    else:
        return ModelCheckOut(ok=True, errors=[], inspection=found)
    return ModelCheckOut(ok=False, errors=errors, inspection=None, layers=_known(body))


def _known(body: dict[str, Any]) -> list[LayerReport]:
    try:
        fed = _FED.validate_python(body.get("input_shapes") or body.get("input_shape"))
    except ValidationError:
        return []
    return traced(body.get("model"), fed)


@router.post("/models/code", response_class=PlainTextResponse)
def code(body: CodeIn, session: Reading) -> PlainTextResponse:
    """The model as a PyTorch module that needs Traindeck no more. Stores nothing."""
    try:
        text = to_module(body.model, _shape(body, session))
    except SpecError as error:
        raise Unprocessable.of(error) from error
    return PlainTextResponse(text, media_type="text/x-python")


def _placed(problem: Problem) -> Problem:
    """Where a body says it: the shapes beside the model, all else in it."""
    return problem if problem.loc[0] in SHAPE_FIELDS else problem.under("model")


def _said(body: CodeIn) -> Fed | None:
    return body.input_shape if body.input_shapes is None else body.input_shapes


def _shape(body: CodeIn, session: Reading) -> Fed:
    if (said := _said(body)) is not None:
        return said
    if body.dataset is None or body.data is None:
        message = "say what the model is fed: input_shape, or dataset and data"
        raise Unprocessable(message, errors=[Problem(loc=["input_shape"], msg=message, received=None)])
    return fed_shape(body.data, datasets.columns_of(session, body.dataset))


def _sizes(written: str | None) -> tuple[int, ...] | None:
    return tuple(int(size) for size in written.split(",")) if written else None


@router.post("/models/templates")
def templates(body: TemplatesIn) -> list[TemplateOut]:
    """Models to start from, one of each family, made for what is fed and asked. Stores nothing."""
    return list(templates_for(body))


@router.post("/models/from-keras")
def from_keras(
    body: Annotated[Any, Body()],
    input_shape: Annotated[str | None, Query(pattern=_SIZES, description="as 28,28,1, in Keras's order")] = None,
) -> FromKerasOut:
    """The model that `keras.Sequential.to_json()` wrote, and what to know of it. Stores nothing.

    `input_shape`: what comes in, without the batch, where the model leaves sizes open.
    """
    from app.keras import reading as keras  # seventy classes that a server seldom needs: not at its start

    found = keras.read(body, _sizes(input_shape))
    return FromKerasOut(
        model=found.model.model_dump(mode="json", exclude_unset=True),
        input_shape=list(found.input_shape),
        notes=found.notes,
        inspection=found.inspection,
    )


@router.get("/models/{model_id}")
def get(model_id: str, session: Reading) -> ModelOut:
    """One model."""
    return service.get_model(session, model_id)


@router.get("/models/{model_id}/versions")
def versions_of(model_id: str, session: Reading) -> list[ModelOut]:
    """Every version of a model, the newest first."""
    return service.list_versions(session, model_id)


@router.get("/models/{model_id}/difference")
def difference(
    model_id: str,
    session: Reading,
    to: Annotated[str, Query(description="the id of another model, or of another version")],
    input_shape: Annotated[str | None, Query(pattern=_SIZES, description="as 1,28,28")] = None,
) -> DifferenceOut:
    """What another model has otherwise than this one: layer by layer, and in parameters and multiply-adds."""
    shape = _sizes(input_shape)
    return versions.compare(session, model_id, to, shape)


@router.delete("/models/{model_id}", status_code=204)
def delete(model_id: str, session: Writing) -> None:
    """Forget a model, one version of it; runs that used it keep their copy."""
    service.delete_model(session, model_id)


@router.get("/schema")
def schema() -> dict[str, Any]:
    """Every layer, loss, optimizer, schedule, metric and initialiser, with the fields of its form."""
    return catalogue.schema()


@router.get("/schema/{kind}")
def schema_of(kind: str) -> list[dict[str, Any]]:
    """The same, of one kind: layers, losses, optimizers, schedules, metrics or initializers."""
    found = catalogue.schema()
    if kind not in found:
        message = f"there is no kind {kind!r}; there are {', '.join(found)}"
        raise Unprocessable(message, errors=[Problem(loc=["kind"], msg=message, received=kind)])
    return found[kind]
