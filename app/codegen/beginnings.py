"""The lines of a script that give its model the weights which others have left, by name and shape."""

import re
from collections.abc import Iterator

from app.codegen.writing import Script, Trained, literal
from app.specs.layers import Layer, Learned
from app.specs.layers.backbone import Backbone, FileWeights
from app.specs.layers.norm import Normalization
from app.specs.training import StartFrom


def write_beginnings(script: Script, trained: Trained) -> Iterator[str]:
    """Backbones first, each for itself, then what another run has left: as the worker takes them."""
    for node in trained.model.nodes:
        if isinstance(node.layer, Backbone) and node.layer.weights is not None:
            yield from _backbone(script, trained, node.layer, f"model{script.places[node.name]}")
    if trained.spec.training.start_from is not None:
        yield from _run(script, trained, trained.spec.training.start_from)


def _backbone(script: Script, trained: Trained, layer: Backbone, place: str) -> Iterator[str]:
    if isinstance(layer.weights, FileWeights):
        source = trained.beginnings[layer.weights.id].filename
        given = _read(script, source)
    else:
        source = "torchvision"
        script.quotes.add("worker.nn.backbone", "vision_models")
        offered = f"vision_models().get_model_weights({literal(layer.architecture)})"
        given = f"{offered}.DEFAULT.get_state_dict(check_hash=True)"
    script.quotes.add("worker.train.weights", "named_today")
    yield from _taken(script, f'{{"": {place}}}', f"named_today({given})", source)


def _run(script: Script, trained: Trained, start: StartFrom) -> Iterator[str]:
    source = trained.beginnings[start.run_id].filename
    places = {
        node.name: node.name if trained.model.is_chain else _submodule(script.places[node.name])
        for node in trained.model.layers_up_to(start.up_to)
        if has_tensors(node.layer)
    }
    renamed = [name for name, place in places.items() if name != place]
    if start.up_to is None and not renamed:
        layers = '{"": model}'
    elif not renamed:
        script.constant("TAKEN_OVER", list(places))
        layers = '{f"{name}.": model.get_submodule(name) for name in TAKEN_OVER}'
    else:
        script.constant("TAKEN_OVER", places)
        layers = '{f"{name}.": model.get_submodule(place) for name, place in TAKEN_OVER.items()}'
    yield from _taken(script, layers, _read(script, source), source)


def has_tensors(layer: Layer) -> bool:
    """Whether a run leaves anything of a layer."""
    return isinstance(layer, Learned | Normalization)


def _submodule(place: str) -> str:
    """As torch names it: stage.0.conv, where Python has .stage[0].conv."""
    return re.sub(r"\[(\d+)\]", r".\1", place).removeprefix(".")


def _read(script: Script, filename: str) -> str:
    if filename.endswith(".safetensors"):
        script.imports.add(("safetensors.torch", "load_file"))
        return f"load_file({literal(filename)})"
    return f"{script.use('weights', 'tensors_of')}({literal(filename)})"


def _taken(script: Script, layers: str, given: str, source: str) -> Iterator[str]:
    yield f"layers = {layers}  # by what their weights are called there"
    yield f"num_taken = {script.use('weights', 'begin')}(layers, {given})"
    yield f'print(f"took {{num_taken}} tensors from {source}")'
