"""The functions of a script that read its table: `read` gives the parts as tensors, `taken` some rows of one."""

import re
from collections.abc import Sequence

from app.codegen.answers import figure_types, figures_taken, is_scaled, ready_targets, write_targets
from app.codegen.features import write_features, write_pixels
from app.codegen.sizes import lies_in_files
from app.codegen.splits import lacking, leaves_out, write_split
from app.codegen.writing import Script, Trained, literal, spread, tensors
from app.specs.answers import OF_WORDS
from app.specs.features import dropping, features
from app.specs.losses import CLASS_LOSSES

_USED = re.compile(r'(?<!")\btrain\b(?!")')  # the variable, not the part of that name


def write_reading(script: Script, trained: Trained) -> None:
    """Define `read` and `taken`, and all that they call."""
    script.need("numpy as np", "pyarrow as pa", "pyarrow.parquet as pq", "torch")
    write_split(script, trained)
    pixels = trained.pixels
    if trained.spec.data.window is not None:
        _write_windows(script, trained)
    elif pixels is not None:
        _write_images(script, trained, standardized=pixels.normalize == "standardize")
    else:
        _write_rows(script, trained)


def prefers_channels_last(trained: Trained) -> bool:
    """Whether a run lays images and weights out channels last: where convolutions are over images.

    lbfgs lays weights in a row, which these cannot be.
    """
    return _convolves_images(trained) and trained.spec.training.optimizer.type != "lbfgs"


def _convolves_images(trained: Trained) -> bool:
    names = [recipe.cls for recipe in trained.recipes]
    is_flat = not any("Conv3d" in name or "ConvTranspose3d" in name for name in names)
    convolves = any("Conv2d" in name for name in names) or bool(trained.backbones)
    return len(trained.input_shape) == 3 and is_flat and convolves


def _start(script: Script, trained: Trained) -> list[str]:
    """The table, its parts, and of a table that has rows to leave out those that are not."""
    lines = ["    table = pq.read_table(path)", "    parts = split(table)"]
    if leaves_out(trained):
        lines += [
            "    kept = np.unique(np.concatenate(list(parts.values())))",
            "    table = table.take(kept)",
            "    parts = {name: np.searchsorted(kept, rows) for name, rows in parts.items()}",
        ]
    return [*lines, '    train = parts["train"]']


def _write_rows(script: Script, trained: Trained) -> None:
    takes = write_features(script, trained)
    made = ["inputs", "tokenizer"] if trained.kind in OF_WORDS else _inputs(trained)
    targets = _targets(script, trained)
    _finish(script, trained, [*_start(script, trained), *spread("", made, f" = features_of({takes})"), *targets])
    _take(script, trained, "inputs[rows]")


def _write_images(script: Script, trained: Trained, *, standardized: bool) -> None:
    write_pixels(script, trained)
    lines = [*_start(script, trained), "    inputs = features_of(table)", *_targets(script, trained)]
    if standardized:
        figures = script.use("images", "channel_figures")
        lines.append(f"    mean, std = map(torch.from_numpy, {figures}(inputs[train]))")
        _finish(script, trained, lines, ["mean", "std"])
        _take(script, trained, "(inputs[rows].float() / 255 - mean) / std", ["mean", "std"])
        return
    _finish(script, trained, lines)
    _take(script, trained, "inputs[rows].float() / 255")


def _inputs(trained: Trained) -> list[str]:
    """What arrays and tensors are called that the model is fed."""
    return [f"inputs{label}" for label in trained.inputs.values()] or ["inputs"]


def _answers(trained: Trained) -> list[str]:
    """The same of what is predicted."""
    return [f"targets{head.label}" for head in trained.heads] or ["targets"]


def _targets(script: Script, trained: Trained) -> list[str]:
    if not trained.heads:
        made = "targets, center, spread" if is_scaled(trained) else "targets"
        return [f"    {made} = targets_of({write_targets(script, trained)})"]
    lines = ["    scales: dict[str, list[Any]] = {}"] if figures_taken(trained) else []
    for head in trained.heads:
        scale = f", *scales[{literal(head.output)}]" if is_scaled(head) else ""
        lines.append(f"    targets{head.label}{scale} = targets_of{head.label}({write_targets(script, head)})")
    return lines


def _finish(script: Script, trained: Trained, lines: list[str], shared: Sequence[str] = ()) -> None:
    """Define `read`. The parts are tuples of what all share, then of their own rows."""
    device = "" if trained.spec.training.device == "cpu" else ".to(DEVICE)"
    is_laid = _convolves_images(trained) and not lies_in_files(trained)
    layout = "memory_format=torch.channels_last" if prefers_channels_last(trained) else ""
    laid = f".contiguous({layout})" if is_laid else ""
    own = [f"torch.from_numpy({one}[rows]){laid}{device}" for one in _inputs(trained)]
    own += [f"torch.from_numpy({one}[rows]){device}" for one in _answers(trained)]
    told = ",\n            ".join([*(f"{one}{device}" for one in shared), *own])
    lines = [
        *lines,
        "    data = {",
        f"        name: (\n            {told},\n        )",
        "        for name, rows in parts.items()",
        "        if len(rows)",
        "    }",
    ]
    _define_read(script, trained, lines)


def _define_read(script: Script, trained: Trained, lines: list[str]) -> None:
    scaled = figures_taken(trained)
    gives = "dict[str, tuple[Tensor, ...]]"
    gives = f"tuple[{gives}, {figure_types(trained)}]" if scaled else gives
    moved = "targets were" if trained.heads else "the target was"
    words = "The parts as tensors" + (f"; and by what {moved} moved and scaled." if scaled else ".")
    if not any(_USED.search(line) for line in lines if "train = " not in line):
        lines = [line for line in lines if "train = " not in line]
    head = f"def read(path: str) -> {gives}:"
    script.functions.append("\n".join([head, f'    """{words}"""', *lines, f"    return data{scaled}"]))
    script.imports.add(("torch", "Tensor"))


def _take(script: Script, trained: Trained, inputs: str, shared: Sequence[str] = ()) -> None:
    """Define `taken` of parts that are tensors of their own rows, behind those that they share."""
    lines = spread("", [*shared, *_inputs(trained), *_answers(trained)], " = part")
    if trained.inputs:
        cut, inputs = f"inputs = {script.use('heads', 'side_by_side')}", "inputs"
        lines += spread(cut, [f"{one}[rows]" for one in _inputs(trained)], brackets=("(", ")"))
    if trained.heads:
        lines += spread("targets = ", [ready_targets(script, head) for head in trained.heads])
    targets = "targets" if trained.heads else ready_targets(script, trained)
    given = (tensors(script) if several else "Tensor" for several in (trained.inputs, trained.heads))
    _define_taken(script, lines, inputs, targets, ", ".join(given))


def _define_taken(
    script: Script, lines: Sequence[str], inputs: str, targets: str, given: str = "Tensor, Tensor"
) -> None:
    head = f"def taken(part: tuple[Tensor, ...], rows: Tensor | slice) -> tuple[{given}]:"
    told = ['    """Inputs and targets of some rows of a part."""', *lines, f"    return {inputs}, {targets}"]
    script.functions.append("\n".join([head, *told]))


def _write_windows(script: Script, trained: Trained) -> None:
    data = trained.spec.data
    window = data.window
    assert window is not None
    takes = write_features(script, trained)
    write_targets(script, trained)
    for name in ("length", "horizon", "ahead", "stride"):
        script.constant(name.upper(), getattr(window, name))
    whole = "whole" if lacking(trained) else ""
    lines = ["    table = pq.read_table(path)", "    parts = split(table)"]
    if whole:
        script.use("splits", "whole")
        seen = dropping(data, features(data, trained.columns))
        told = [trained.target] if trained.known[trained.target].num_missing else []
        lines.append(f"    seen, told = whole(table, {literal(seen)}), whole(table, {literal(told)})")
        lines.append('    train = parts["train"][seen[parts["train"]]]')
    else:
        lines += ["    seen = told = np.ones(table.num_rows, np.bool_)", '    train = parts["train"]']
    lines += [f"    inputs = features_of({takes})"]
    if is_scaled(trained):
        fitted = 'parts["train"][told[parts["train"]]]' if whole else "train"
        lines.append(f"    targets, center, spread = targets_of(table, {fitted})")
    else:
        lines.append("    targets = targets_of(table)")
    lines += _ordered(script, trained)
    starts, deal = script.use("windows", "window_starts"), script.use("windows", "windows_of_parts")
    device = "" if trained.spec.training.device == "cpu" else ".to(DEVICE)"
    lines += [
        f"    every = {starts}(series, LENGTH, AHEAD, HORIZON, STRIDE)",
        "    masks = {name: np.isin(order, rows) for name, rows in parts.items()}",
        f"    starts = {deal}(every, masks, seen[order], told[order], LENGTH, AHEAD, HORIZON)",
        f"    rows = torch.from_numpy(inputs[order]){device}, torch.from_numpy(targets[order]){device}",
        f"    data = {{name: (*rows, torch.from_numpy(own){device}) for name, own in starts.items() if len(own)}}",
    ]
    _define_read(script, trained, lines)
    classes = "[:, 0]" if trained.spec.training.loss_type in CLASS_LOSSES else ""
    _define_taken(
        script,
        [
            "    inputs, targets, starts = part",
            "    begin = starts[rows].unsqueeze(1)",
            "    seen = begin + torch.arange(LENGTH, device=begin.device)",
            "    predicted = begin + LENGTH - 1 + AHEAD + torch.arange(HORIZON, device=begin.device)",
        ],
        "inputs[seen]",
        f"targets[predicted]{classes}",
    )


def _ordered(script: Script, trained: Trained) -> list[str]:
    """`order`, the rows of one series after the other, each by its time; `series`, to which each belongs."""
    window = trained.spec.data.window
    assert window is not None
    lines, keys = [], []
    if window.time is not None:
        keys.append(f"{script.use('columns', 'numbers')}(table, {literal(window.time)})")
    if window.series is not None:
        lines.append(f"    ids = {script.use('splits', 'numbered')}(table[{literal(window.series)}])")
        keys.append("ids")
    if not keys:
        return ["    order = np.arange(table.num_rows)", "    series = np.zeros(len(order))"]
    lines.append(f"    order = np.lexsort(({', '.join(keys)},))")
    return [*lines, f"    series = {'ids[order]' if window.series else 'np.zeros(len(order))'}"]
