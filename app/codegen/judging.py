"""The functions of a script that judge: its loss, its metrics, and both over a part."""

from app.codegen.features import is_scaled
from app.codegen.writing import Script, Trained, literal
from app.specs.training import CLASS_LOSSES, CLASS_METRICS, AnyMetric

_EVALUATED_BYTES = 16 << 20
_MIN_EVALUATED, _MAX_EVALUATED = 64, 4096


def write_loss(script: Script, trained: Trained) -> None:
    loss = trained.spec.training.loss
    told = "".join(f", {name}={value!r}" for name, value in loss.model_dump(exclude={"type"}).items() if value)
    script.functions.append(
        "def loss_of(outputs: Tensor, targets: Tensor) -> Tensor:\n"
        '    """What the training makes small: the mean over some rows."""\n'
        f"    return F.{loss.type}(outputs, targets{told})"
    )


def figures_taken(trained: Trained) -> str:
    """What a function takes that needs to know how the target was scaled."""
    return ", center, spread" if is_scaled(trained) else ""


def write_metrics(script: Script, trained: Trained) -> None:
    metrics = trained.spec.training.metrics
    if not metrics:
        return
    takes = ", center: float, spread: float" if is_scaled(trained) else ""
    lines = [*_answers(trained), "    return {"]
    lines += [f"        {literal(_series(one))}: {_metric(script, trained, one)}," for one in metrics]
    head = f"def metrics_of(outputs: Tensor, targets: Tensor{takes}) -> dict[str, float]:"
    script.functions.append("\n".join([head, '    """How good the outputs of some rows are."""', *lines, "    }"]))


def _series(metric: AnyMetric) -> str:
    return f"top_{metric.k}_accuracy" if metric.type == "top_k_accuracy" else metric.type


def _answers(trained: Trained) -> list[str]:
    """How outputs are read as classes, where a metric asks for it."""
    training = trained.spec.training
    if not any(one.type in CLASS_METRICS and one.type != "top_k_accuracy" for one in training.metrics):
        return []
    if training.loss.type in CLASS_LOSSES:
        return ["    answers, truth = outputs.argmax(dim=1), targets"]
    half = "0" if training.loss.type == "binary_cross_entropy_with_logits" else "0.5"
    if is_scaled(trained):
        half = "(0.5 - center) / spread"
    return [f"    answers, truth = outputs > {half}, targets > {half}"]


def _metric(script: Script, trained: Trained, metric: AnyMetric) -> str:
    scale = " * spread" if is_scaled(trained) else ""
    errors = f"((outputs.double() - targets){scale})"
    match metric.type:
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
            return f"{script.use('metrics', 'r2')}(outputs, targets)"
    if trained.spec.training.loss.type in CLASS_LOSSES:
        classes = trained.known[trained.target].values or []
        if len(classes) != 2:
            return f"{script.use('metrics', 'mean_score')}({literal(metric.type)}, answers, truth, {len(classes)})"
    return f"{script.use('metrics', 'score_of_positive')}({literal(metric.type)}, answers, truth)"


def write_evaluate(script: Script, trained: Trained) -> None:
    script.constant("EVALUATED_AT_ONCE", _evaluated_at_once(trained))
    gathered = f"torch.cat(outputs), torch.cat(targets){figures_taken(trained)}"
    metrics = f", **metrics_of({gathered})" if trained.spec.training.metrics else ""
    takes = ", center: float, spread: float" if is_scaled(trained) else ""
    words = "The loss and the metrics" if metrics else "The loss"
    kept = ["        outputs.append(found)", "        targets.append(wanted)"] if metrics else []
    first = ["    total, outputs, targets = 0.0, [], []"] if metrics else ["    total = 0.0"]
    lines = [
        "@torch.no_grad()",
        f"def evaluate(model: nn.Module, part: tuple[Tensor, ...]{takes}) -> dict[str, float]:",
        f'    """{words} over a part."""',
        "    model.eval()",
        "    num_rows = len(part[-1])",
        *first,
        "    for start in range(0, num_rows, EVALUATED_AT_ONCE):",
        "        inputs, wanted = taken(part, slice(start, start + EVALUATED_AT_ONCE))",
        "        found = model(inputs)",
        "        total += loss_of(found, wanted).item() * len(wanted)",
        *kept,
        f'    return {{"loss": total / num_rows{metrics}}}',
    ]
    script.functions.append("\n".join(lines))


def _evaluated_at_once(trained: Trained) -> int:
    """As many rows as a run judges together, so that its losses come out the same to the last bit."""
    numbers, window = 1, trained.spec.data.window
    for side in trained.input_shape:
        numbers *= side
    is_class = trained.spec.training.loss.type in CLASS_LOSSES
    size = 8 if trained.model.takes_integers else 1 if trained.pixels else 4
    row_bytes = numbers * size + (8 if is_class else 4) * (window.horizon if window else 1)
    return max(_MIN_EVALUATED, min(_MAX_EVALUATED, _EVALUATED_BYTES // max(1, row_bytes)))
