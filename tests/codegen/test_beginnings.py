"""Which layers of a model a script gives the weights of another run."""

from app.codegen.beginnings import has_tensors
from app.specs.layers import LAYERS
from tests.worker.nn.cases import kind
from worker.nn.build import make


def test_a_layer_without_tensors_is_none_that_a_script_passes_over() -> None:
    for cls in LAYERS:
        example = cls.examples[0]
        layer = cls.model_validate({"type": kind(cls), **example.args})
        if not has_tensors(layer):
            assert not make(layer.recipe(*example.inputs)).state_dict(), cls
