"""The function of a script that changes training images: it calls those of the worker, quoted as they stand."""

import inspect
from typing import Any

from app.codegen.writing import Script, Trained, tensors
from app.specs import augment as specs
from app.specs.augment import Cutmix, Mixup

_MODULE = "worker.train.augment"
_FUNCTIONS = {
    "random_horizontal_flip": "_flip",
    "random_vertical_flip": "_flip",
    "random_rotation": "_rotate",
    "random_crop": "_crop",
    "color_jitter": "_jitter",
    "gaussian_noise": "_noise",
    "random_erasing": "_erase",
}
_MOVING = ("random_horizontal_flip", "random_vertical_flip", "random_crop")
_FLIPPED = {"random_horizontal_flip": "_flip(3)", "random_vertical_flip": "_flip(2)"}


def stand_ins() -> dict[tuple[str, str], str]:
    """What an augmentation is in a script: its fields, and nothing of how they are checked."""
    kinds = [one for one in vars(specs).values() if inspect.isclass(one) and "type" in getattr(one, "model_fields", {})]
    return {("app.specs.augment", kind.__name__): _dataclass(kind) for kind in kinds}


def _dataclass(kind: Any) -> str:
    fields = {name: field.default for name, field in kind.model_fields.items() if name != "type"}
    lines = [f"    {name}: {type(value).__name__} = {value!r}" for name, value in fields.items()]
    return "\n".join(["@dataclass", f"class {kind.__name__}:", f'    """{kind.__doc__}"""', "", *lines])


def write_augmented(script: Script, trained: Trained) -> None:
    """Define `augmented`, where a run changes its images."""
    kinds = trained.spec.data.augment
    if not kinds:
        return
    script.imports |= {("dataclasses", "dataclass")}
    single = [one for one in kinds if not isinstance(one, Mixup | Cutmix)]
    mixing = [one for one in kinds if isinstance(one, Mixup | Cutmix)]
    is_moved = bool(trained.pixels and trained.pixels.normalize == "standardize")
    script.quotes.add(_MODULE, "_PURPOSE")
    lines = [
        "    drawn = np.random.default_rng((_PURPOSE, SEED, step))",
        "    random = torch.Generator(inputs.device).manual_seed(int(drawn.integers(2**63)))",
    ]
    if single:
        lines += ["    images = inputs * std + mean" if is_moved else "    images = inputs"]
        for one in single:
            lines += _changed(script, one, moves_targets=trained.kind in ("image", "mask"))
        lines += ["    inputs = (images - mean) / std" if is_moved else "    inputs = images"]
    lines += _mixed(script, mixing, several=bool(trained.heads))
    takes = ", mean: Tensor, std: Tensor" if is_moved else ""
    targets = tensors(script) if trained.heads else "Tensor"
    gives = f"tuple[Tensor, {targets}, Mix]" if mixing else f"tuple[Tensor, {targets}]"
    script.functions.append(
        "\n".join(
            [
                f"def augmented(inputs: Tensor, targets: {targets}, step: int{takes}) -> {gives}:",
                '    """The images of a step, each changed in its own way: it follows from the seed and the step."""',
                *lines,
            ]
        )
    )


def _changed(script: Script, kind: Any, *, moves_targets: bool) -> list[str]:
    """The lines that change images, and move targets with them where these are images too."""
    script.quotes.add(_MODULE, _FUNCTIONS[kind.type])
    function, made = _FLIPPED.get(kind.type, _FUNCTIONS[kind.type]), _made(script, kind)
    if not moves_targets or kind.type not in _MOVING:
        return [f"    images = {function}({made}, images, random)"]
    return [f"    images, targets = {script.use('images', 'both')}({function}, {made}, images, targets, random)"]


def _made(script: Script, kind: Any) -> str:
    script.quotes.add("app.specs.augment", type(kind).__name__)
    told = ", ".join(f"{name}={value!r}" for name, value in kind.model_dump(exclude={"type"}).items())
    return f"{type(kind).__name__}({told})"


def _mixed(script: Script, mixing: list[Any], *, several: bool) -> list[str]:
    if not mixing:
        return ["    return inputs, targets"]
    script.quotes.add(_MODULE, "_mixed")
    kinds = ", ".join(_made(script, one) for one in mixing)
    drawn = f"    kind = [{kinds}][int(drawn.integers({len(mixing)}))]"
    if several:
        return [
            drawn,
            "    rows = torch.arange(len(inputs), device=inputs.device)",
            "    inputs, mix = _mixed(kind, inputs, rows, drawn, random)",
            "    return inputs, targets, Mix(tuple(one[mix.others] for one in targets), mix.share)",
        ]
    return [
        drawn,
        "    inputs, mix = _mixed(kind, inputs, targets, drawn, random)",
        "    return inputs, targets, mix",
    ]
