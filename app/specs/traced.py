"""What is known of a model that does not hold yet: the shapes of layers before the first that is written wrongly."""

from typing import Any

from pydantic import ValidationError

from app.specs.base import Shape, problems
from app.specs.inspection import LayerReport, input_problems, trace
from app.specs.model import INPUT, ModelSpec


def traced(model: Any, input_shape: Shape) -> list[LayerReport]:
    """The layers of a model, as a user wrote it, whose shapes follow from `input_shape` whatever is wrong elsewhere."""
    found = None if list(input_problems({INPUT: input_shape})) else _sound(model)
    return trace(found.graph.nodes, {INPUT: tuple(input_shape)})[0] if found is not None else []


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
