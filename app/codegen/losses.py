"""The function of a script that it makes small, with what the classes count, and by what its means are divided."""

from app.codegen.writing import Script, Trained, literal, tensors
from app.specs.columns import word
from app.specs.losses import ClassLoss

_FORMULAS = "worker.train.formulas"
_BALANCE = "worker.train.balance"
_OURS = frozenset(
    {
        "gaussian_nll_loss",
        "focal_loss",
        "sigmoid_focal_loss",
        "hinge_loss",
        "soft_margin_loss",
        "multilabel_margin_loss",
        "ctc_loss",
    }
)

_ALWAYS = {"kl_div": {"reduction": "batchmean"}}


def write_loss(script: Script, trained: Trained) -> None:
    """Define `loss_of`."""
    for head in trained.heads:
        _write_own_loss(script, head)
    if not trained.heads:
        _write_own_loss(script, trained)
        return
    losses = (f"loss_of{head.label}(outputs[{i}], targets[{i}])" for i, head in enumerate(trained.heads))
    lines = [
        f"def loss_of(outputs: {tensors(script)}, targets: Tensors) -> Tensor:",
        '    """What the training makes small: the sum of the losses of all outputs, each times its weight."""',
        "    losses = [",
        *(f"        {_times(head)}{loss}," for head, loss in zip(trained.heads, losses, strict=True)),
        "    ]",
        "    return torch.stack(losses).sum()",
    ]
    script.functions.append("\n".join(lines))


def _times(trained: Trained) -> str:
    assert trained.head is not None, "the only output has no weight"
    return "" if trained.head.weight == 1 else f"{trained.head.weight!r} * "


def _write_own_loss(script: Script, trained: Trained) -> None:
    lines = [f"    return {_called(script, trained, 'outputs, targets')}"]
    words = f"The loss of {trained.output}" if trained.head else "What the training makes small"
    over = "some rows"
    if trained.answer.kind == "tokens":
        script.quotes.add("worker.train.places", "IGNORED")
        over = "the tokens that there are"
        lines = [
            f"    found = {_called(script, trained, 'outputs.flatten(0, 1), targets.flatten()')}",
            "    return torch.where((targets != IGNORED).any(), found, 0.0)",
        ]
    over += ", as their classes count" if is_by_weight(trained) else ""
    head = f"def loss_of{trained.label}(outputs: Tensor, targets: Tensor) -> Tensor:"
    script.functions.append("\n".join([head, f'    """{words}: the mean over {over}."""', *lines]))


def _called(script: Script, trained: Trained, given: str) -> str:
    """The call of a function of torch, or of one of ours that is quoted."""
    loss = trained.spec.training.only_loss
    said = loss.model_dump(exclude={"type", "weight", "pos_weight"}, exclude_defaults=True)
    said |= _ALWAYS.get(loss.type, {})
    told = "".join(f", {name}={literal(value)}" for name, value in said.items())
    if argument := _weighs(trained):
        told += f", {argument}={_weights(trained)}"
    if loss.type not in _OURS:
        return f"F.{loss.type}({given}{told})"
    script.quotes.add(_FORMULAS, loss.type)
    return f"{loss.type}({given}{told})"


def _weighs(trained: Trained) -> str | None:
    """The argument that says what classes count, where one does."""
    loss = trained.spec.training.only_loss
    return next((name for name in ("weight", "pos_weight") if getattr(loss, name, None) is not None), None)


def _weights(trained: Trained) -> str:
    return f"WEIGHTS[{literal(trained.output if trained.head else trained.target)}]"


def write_weights(script: Script, trained: Trained) -> list[str]:
    """The lines of `main` that say what classes count, where they do not all count the same."""
    places = [f"[{i}]" for i in range(len(trained.heads))] or [""]
    each = zip(trained.heads or [trained], places, strict=True)
    lines = [line for one, place in each if _weighs(one) for line in _weighed(script, one, place)]
    if lines:
        script.constants["WEIGHTS"] = "{}"
    return lines


def _weighed(script: Script, trained: Trained, place: str) -> list[str]:
    loss, start = trained.spec.training.only_loss, f"{_weights(trained)} = "
    said = getattr(loss, str(_weighs(trained)))
    device = "" if trained.spec.training.device == "cpu" else ".to(DEVICE)"
    if said != "balanced":
        told = [said.get(name, 1.0) for name in _class_names(trained)] if isinstance(said, dict) else said
        return [f"{start}torch.tensor({literal(told)}){device}"]
    lines = [
        "told = (",
        f"    taken(train, slice(start, start + EVALUATED_AT_ONCE))[1]{place}",
        "    for start in range(0, num_rows, EVALUATED_AT_ONCE)",
        ")",
    ]
    if trained.answer.kind == "tokens":
        lines.append("told = (some[some != IGNORED] for some in told)")
    if not isinstance(loss, ClassLoss):
        mean = f"{_quoted(script, 'mean_of')}(told)"
        mean += "" if trained.answer.kind in ("binary", "numbers") else ".mean()"
        return [*lines, f"{start}{_quoted(script, 'balanced_yes')}({mean})"]
    counts = f"{_quoted(script, 'counts_of')}(told, {num_classes(trained)})"
    return [*lines, f"{start}{_quoted(script, 'balanced')}({counts})"]


def _quoted(script: Script, name: str) -> str:
    script.quotes.add(_BALANCE, name)
    return name


def is_by_weight(trained: Trained) -> bool:
    """Whether a mean is divided by what its rows count."""
    loss = trained.spec.training.only_loss
    return isinstance(loss, ClassLoss) and loss.by_weight and loss.weight is not None


def counts_rows(trained: Trained) -> bool:
    """Whether every mean is over rows; else rows have more or fewer answers, or count more or less."""
    return all(one.answer.kind != "tokens" and not is_by_weight(one) for one in trained.heads or [trained])


def summed(script: Script, trained: Trained, outputs: str, targets: str) -> list[str]:
    """The lines that add the loss of some rows to that of those before them."""
    count = f"len({targets}[0])" if trained.heads else f"len({targets})"
    loss = f"loss_of({outputs}, {targets}).item()" if outputs else "loss.item()"
    if counts_rows(trained):
        return [f"total += {loss} * {count}"]
    return [f"own = {counted(script, trained, targets)}.item()", f"total += {loss} * own", "count += own"]


def counted(script: Script, trained: Trained, targets: str) -> str:
    """By what the loss of some rows is divided, where that is not their number."""
    if is_by_weight(trained):
        return f"{_quoted(script, 'weight_of')}({targets}, {_weights(trained)})"
    return f"({targets} != IGNORED).sum()"


def whole(trained: Trained) -> str:
    """Of several outputs that do not all count rows: the loss of all rows, of what was judged."""
    return " + ".join(f"{_times(one)}judged[{literal(f'{one.output}_loss')}]" for one in trained.heads)


def num_classes(trained: Trained) -> int:
    """Of each place of an answer."""
    if trained.answer.is_plain:
        return len(trained.known[trained.target].values or [])
    shape = trained.inspection.made(trained.output if trained.head else None)
    return shape[0] if trained.answer.kind == "mask" else shape[-1]


def _class_names(trained: Trained) -> list[str]:
    values = trained.known[trained.target].values if trained.answer.is_plain else None
    return [word(value) for value in values or range(num_classes(trained))]
