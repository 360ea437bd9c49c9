"""The functions of a script that judge: its loss, its metrics, and both over a part."""

from app.codegen.answers import figure_type, figure_types, figures_taken, is_scaled
from app.codegen.losses import counts_rows, num_classes, summed, whole
from app.codegen.sizes import row_bytes
from app.codegen.writing import Script, Trained, literal, tensors
from app.specs.losses import BINARY_LOSSES, CLASS_LOSSES, ORDERED_LOSSES, threshold_of
from app.specs.metrics import CLASS_METRICS, ORDER_METRICS, AnyMetric

_EVALUATED_BYTES = 16 << 20
_MIN_EVALUATED, _MAX_EVALUATED = 64, 4096


def _figures(trained: Trained) -> str:
    if trained.heads:
        return f", scales: {figure_types(trained)}" if figures_taken(trained) else ""
    figure = figure_type(trained)
    return f", center: {figure}, spread: {figure}" if is_scaled(trained) else ""


def write_metrics(script: Script, trained: Trained) -> None:
    """Define `metrics_of`, where there is something to say."""
    for head in trained.heads:
        _write_own_metrics(script, head)
    if not trained.heads:
        _write_own_metrics(script, trained)
        return
    takes = f"outputs: {tensors(script)}, targets: Tensors{_figures(trained)}"
    lines = [
        f"def metrics_of({takes}) -> dict[str, float]:",
        '    """How good the outputs of some rows are."""',
        "    return {",
    ]
    for i, head in enumerate(trained.heads):
        scale = f", *scales[{literal(head.output)}]" if is_scaled(head) else ""
        lines.append(f"        **metrics_of{head.label}(outputs[{i}], targets[{i}]{scale}),")
    script.functions.append("\n".join([*lines, "    }"]))


def _write_own_metrics(script: Script, trained: Trained) -> None:
    metrics = trained.spec.training.metrics
    if not metrics and trained.head is None:
        return
    takes = _figures(trained)
    told = {_series(trained, one): _metric(script, trained, one) for one in metrics}
    lines = [*_told(trained), *_read(trained), *_answers(script, trained), "    return {"]
    if trained.head is not None:
        lines.insert(0, f"    loss = loss_of{trained.label}(outputs, targets).item()")
        told = {trained.head.series("loss"): "loss", **told}
    lines += [f"        {literal(name)}: {value}," for name, value in told.items()]
    head = f"def metrics_of{trained.label}(outputs: Tensor, targets: Tensor{takes}) -> dict[str, float]:"
    words = (
        f"The loss of {trained.output}, and how good it is" if trained.head else "How good the outputs of some rows are"
    )
    script.functions.append("\n".join([head, f'    """{words}."""', *lines, "    }"]))


def _series(trained: Trained, metric: AnyMetric) -> str:
    name = f"top_{metric.k}_accuracy" if metric.type == "top_k_accuracy" else metric.type
    return name if trained.head is None else trained.head.series(name)


def _told(trained: Trained) -> list[str]:
    """Of tokens those that there are, as rows."""
    if trained.answer.kind != "tokens":
        return []
    return [
        "    told = targets != IGNORED",
        "    outputs, targets = outputs[told], targets[told]",
    ]


def _read(trained: Trained) -> list[str]:
    """Outputs as numbers, where they are not and a metric asks for it."""
    reading = trained.spec.training.only_loss.reading if trained.spec.training.metrics else None
    numbers = {"logarithms": "outputs.exp()", "normal": "outputs.chunk(2, dim=1)[0]"}
    return [f"    outputs = {numbers[reading]}"] if reading else []


def _answers(script: Script, trained: Trained) -> list[str]:
    """How outputs are read as classes, or as tokens in order, where a metric asks for it."""
    training = trained.spec.training
    if not any(one.type in (CLASS_METRICS | ORDER_METRICS) - {"top_k_accuracy"} for one in training.metrics):
        return []
    if training.loss_type in ORDERED_LOSSES:
        said, true = (f"{_quoted(script, name)}" for name in ("spoken", "in_order"))
        return [f"    wrong = {_quoted(script, 'distances')}({said}(outputs), {true}(targets))"]
    if training.loss_type in CLASS_LOSSES:
        return ["    answers, truth = outputs.argmax(dim=1), targets"]
    if training.loss_type in BINARY_LOSSES:
        half = f"{threshold_of(training.loss_type):g}"
        return [f"    answers, truth = outputs > {half}, targets > 0.5"]
    half = "(0.5 - center) / spread" if is_scaled(trained) else "0.5"
    return [f"    answers, truth = outputs > {half}, targets > {half}"]


def _quoted(script: Script, name: str) -> str:
    script.quotes.add("worker.train.sequences", name)
    return name


def _metric(script: Script, trained: Trained, metric: AnyMetric) -> str:
    scale = " * spread" if is_scaled(trained) else ""
    errors = f"((outputs.double() - targets){scale})"
    match metric.type:
        case "accuracy" if trained.answer.kind == "sequence":
            return "(wrong == 0).double().mean().item()"
        case "token_error":
            return "(wrong.sum() / (targets != IGNORED).sum()).item()"
        case "accuracy":
            return f"{script.use('metrics', 'accuracy')}(answers, truth)"
        case "top_k_accuracy":
            return f"{script.use('metrics', 'top_k_accuracy')}(outputs, targets, {metric.k})"
        case "mae":
            return f"{errors}.abs().mean().item()"
        case "mse":
            return f"{errors}.square().mean().item()"
        case "rmse":
            return f"{errors}.square().mean().sqrt().item()"
        case "r2":
            return f"{script.use('metrics', 'r2' if trained.answer.is_plain else 'r2_of_places')}(outputs, targets)"
    if trained.spec.training.loss_type in CLASS_LOSSES:
        count = num_classes(trained)
        if count != 2:
            return f"{script.use('metrics', 'mean_score')}({literal(metric.type)}, answers, truth, {count})"
    return f"{script.use('metrics', 'score_of_positive')}({literal(metric.type)}, answers, truth)"


def outputs_of(script: Script, trained: Trained) -> str:
    """What a model makes of `inputs`."""
    made = "model(*inputs)" if trained.inputs else "model(inputs)"
    return f"{script.use('heads', 'side_by_side')}(*{made})" if trained.heads else made


def gathered(script: Script, trained: Trained, outputs: str, targets: str) -> str:
    """What metrics take of lists of batches."""
    join = script.use("heads", "joined") if trained.heads else "torch.cat"
    return f"{join}({outputs}), {join}({targets}){figures_taken(trained)}"


def write_evaluate(script: Script, trained: Trained) -> None:
    """Define `evaluate`."""
    script.constant("EVALUATED_AT_ONCE", _evaluated_at_once(trained))
    judges = trained.spec.training.metrics or trained.heads
    metrics = f", **metrics_of({gathered(script, trained, 'outputs', 'targets')})" if judges else ""
    takes = _figures(trained)
    words = "The loss and the metrics" if metrics else "The loss"
    kept = ["        outputs.append(found)", "        targets.append(wanted)"] if metrics else []
    is_even = counts_rows(trained)  # else rows have more or fewer answers, or count more or less
    sums = is_even or not trained.heads
    begun = {"total": "0.0"} if sums else {}
    begun |= {} if is_even or trained.heads else {"count": "0"}
    begun |= {"outputs": "[]", "targets": "[]"} if metrics else {}
    lines = [
        "@torch.no_grad()",
        f"def evaluate(model: nn.Module, part: tuple[Tensor, ...]{takes}) -> dict[str, float]:",
        f'    """{words} over a part."""',
        "    model.eval()",
        f"    {', '.join(begun)} = {', '.join(begun.values())}",
        "    for start in range(0, len(part[-1]), EVALUATED_AT_ONCE):",
        "        inputs, wanted = taken(part, slice(start, start + EVALUATED_AT_ONCE))",
        f"        found = {outputs_of(script, trained)}",
        *(f"        {line}" for line in (summed(script, trained, "found", "wanted") if sums else ())),
        *kept,
        *(
            _judged(script, trained)
            if not sums
            else [f'    return {{"loss": total / {"len(part[-1])" if is_even else "count"}{metrics}}}']
        ),
    ]
    script.functions.append("\n".join(lines))


def _judged(script: Script, trained: Trained) -> list[str]:
    """The end where the loss of all rows follows from those of the outputs."""
    figures = gathered(script, trained, "outputs", "targets")
    return [f"    judged = metrics_of({figures})", f'    return {{"loss": {whole(trained)}, **judged}}']


def _evaluated_at_once(trained: Trained) -> int:
    """As many rows as a run judges together, so that its losses come out the same to the last bit."""
    return max(_MIN_EVALUATED, min(_MAX_EVALUATED, _EVALUATED_BYTES // max(1, row_bytes(trained))))
