"""What is known of a model that does not hold yet: the shapes of layers before the first that is written wrongly."""

from typing import Any

from pydantic import ValidationError

from app.specs.base import Fed, SpecError, problems
from app.specs.inspection import LayerReport, input_problems, trace
from app.specs.model import ModelSpec


def traced(model: Any, fed: Fed) -> list[LayerReport]:
    """The layers of a model, as a user wrote it, whose shapes follow from what is fed whatever is wrong elsewhere."""
    found = _sound(model)
    if found is None:
        return []
    try:
        shapes = found.shapes(fed)
    except SpecError:
        return []
    return [] if list(input_problems(shapes)) else trace(found.graph, shapes)[0]


def _sound(model: Any) -> ModelSpec | None:
    """The model up to the first layer that does not hold; None where nothing does."""
    try:
        return ModelSpec.model_validate(model)
    except ValidationError as error:
        places = [problem.loc for problem in problems(error)]
    wrong = [loc[1] for loc in places if len(loc) > 1 and loc[0] == "layers" and isinstance(loc[1], int)]
    if len(wrong) < len(places) or not min(wrong):
        return None
    try:
        return ModelSpec.model_validate({**model, "layers": model["layers"][: min(wrong)]})
    except ValidationError:
        return None
