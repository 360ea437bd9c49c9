"""The functions of a script that read its table: `read` gives the parts as tensors, `taken` some rows of one."""

import re

from app.codegen.answers import figure_type, is_scaled, ready_targets, write_targets
from app.codegen.features import write_features, write_pixels
from app.codegen.splits import lacking, leaves_out, write_split
from app.codegen.writing import Script, Trained, literal
from app.specs.features import dropping, features
from app.specs.training import CLASS_LOSSES

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
    """Whether a run lays images and weights out channels last: where convolutions are over images."""
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
    targets = _targets(trained, write_targets(script, trained))
    made = "inputs, tokenizer" if trained.answer.kind == "tokens" else "inputs"
    _finish(script, trained, [*_start(script, trained), f"    {made} = features_of({takes})", targets])
    _define_taken(script, "inputs, targets = part", "inputs[rows]", ready_targets(script, trained))


def _write_images(script: Script, trained: Trained, *, standardized: bool) -> None:
    write_pixels(script, trained)
    targets = _targets(trained, write_targets(script, trained))
    lines = [*_start(script, trained), "    inputs = features_of(table)", targets]
    ready = ready_targets(script, trained)
    if standardized:
        figures = script.use("images", "channel_figures")
        lines.append(f"    mean, std = map(torch.from_numpy, {figures}(inputs[train]))")
        _finish(script, trained, lines, ["mean", "std"])
        _define_taken(script, "mean, std, inputs, targets = part", "(inputs[rows].float() / 255 - mean) / std", ready)
        return
    _finish(script, trained, lines)
    _define_taken(script, "inputs, targets = part", "inputs[rows].float() / 255", ready)


def _targets(trained: Trained, takes: str) -> str:
    made = "targets, center, spread" if is_scaled(trained) else "targets"
    return f"    {made} = targets_of({takes})"


def _finish(script: Script, trained: Trained, lines: list[str], shared: list[str] | None = None) -> None:
    """Define `read`. The parts are tuples of what all share, then of their own rows."""
    device = "" if trained.spec.training.device == "cpu" else ".to(DEVICE)"
    laid = ".contiguous(memory_format=torch.channels_last)" if prefers_channels_last(trained) else ""
    own = [f"torch.from_numpy({one}[rows]){laid if one == 'inputs' else ''}{device}" for one in ("inputs", "targets")]
    told = ",\n            ".join([*(f"{one}{device}" for one in shared or ()), *own])
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
    scaled = is_scaled(trained)
    gives, figure = "dict[str, tuple[Tensor, ...]]", figure_type(trained)
    gives = f"tuple[{gives}, {figure}, {figure}]" if scaled else gives
    words = "The parts as tensors" + ("; and by what the target was moved and scaled." if scaled else ".")
    if not any(_USED.search(line) for line in lines if "train = " not in line):
        lines = [line for line in lines if "train = " not in line]
    head = f"def read(path: str) -> {gives}:"
    end = "    return data, center, spread" if scaled else "    return data"
    script.functions.append("\n".join([head, f'    """{words}"""', *lines, end]))
    script.imports.add(("torch", "Tensor"))


def _define_taken(script: Script, unpacked: str, inputs: str, targets: str = "targets[rows]", before: str = "") -> None:
    head = "def taken(part: tuple[Tensor, ...], rows: Tensor | slice) -> tuple[Tensor, Tensor]:"
    lines = [f"    {unpacked}", *([before] if before else []), f"    return {inputs}, {targets}"]
    script.functions.append("\n".join([head, '    """Inputs and targets of some rows of a part."""', *lines]))


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
        "inputs, targets, starts = part",
        "inputs[seen]",
        f"targets[predicted]{classes}",
        "    begin = starts[rows].unsqueeze(1)\n"
        "    seen = begin + torch.arange(LENGTH, device=begin.device)\n"
        "    predicted = begin + LENGTH - 1 + AHEAD + torch.arange(HORIZON, device=begin.device)",
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
