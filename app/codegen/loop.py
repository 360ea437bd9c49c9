"""The functions of a script that train: the loop itself, and what it begins with."""

from app.codegen.judging import figures_taken, write_evaluate, write_loss, write_metrics
from app.codegen.rates import write_rate
from app.codegen.reading import prefers_channels_last
from app.codegen.writing import Script, Trained, literal, refuse
from app.specs.augment import Cutmix, Mixup
from app.specs.inspection import WORTH_SHARING
from app.specs.layers import Weighted
from app.specs.training import EarlyStopping

_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
_LOWER_IS_BETTER = ("loss", "mae", "mse")  # rmse with them
_SHOWN_STEPS = 10


def write_loop(script: Script, trained: Trained) -> None:
    """Define `main`, and all that it calls but `read`, `taken` and the model."""
    training = trained.spec.training
    script.need("sys", "torch")
    script.imports |= {
        ("torch", "Tensor"),
        ("torch", "nn"),
        ("torch.nn", "functional as F"),
        ("safetensors.torch", "save_file"),
    }
    script.constant("SEED", training.seed)
    script.constant("NUM_EPOCHS", training.num_epochs)
    script.constant("LEARNING_RATE", training.optimizer.lr)
    if not trained.is_one_batch:
        script.constant("BATCH_SIZE", training.batch_size)
    _write_device(script, trained)
    write_loss(script, trained)
    write_metrics(script, trained)
    write_evaluate(script, trained)
    rate = write_rate(script, trained)
    _write_main(script, trained, rate)


def _write_device(script: Script, trained: Trained) -> None:
    device = trained.spec.training.device
    if device == "auto":
        script.constants["DEVICE"] = 'torch.device("cuda" if torch.cuda.is_available() else "cpu")'
    elif device == "cuda":
        script.constants["DEVICE"] = 'torch.device("cuda")'


class _Main:
    """The lines of `main`."""

    def __init__(self, script: Script, trained: Trained, rate: str) -> None:
        self.script, self.trained, self.rate = script, trained, rate
        self.training, self.data = trained.spec.training, trained.spec.data
        self.on_device = trained.spec.training.device != "cpu"
        self.stopping = self.training.early_stopping
        self.gathers = self.stopping is not None and self.stopping.series.startswith("train/")
        self.gathers = self.gathers and self.stopping is not None and self.stopping.series != "train/loss"
        self.validates = trained.validates

    def lines(self) -> list[str]:
        """All of them."""
        threads = self._threads()
        return [
            "def main(path: str) -> None:",
            '    """Train on the table in that file, and leave the weights in model.safetensors."""',
            *threads,
            f"    data{figures_taken(self.trained)} = read(path)",
            '    train = data["train"]',
            "    num_rows = len(train[-1])",
            "    torch.manual_seed(SEED)  # the first weights follow from it, and what dropout leaves out",
            f"    model = Model(){'.to(DEVICE)' if self.on_device else ''}",
            *(
                ["    model = model.to(memory_format=torch.channels_last)"]
                if prefers_channels_last(self.trained)
                else []
            ),
            *self._measured(),
            f"    optimizer = {self._optimizer()}",
            *self._begin(),
            "    for epoch in range(NUM_EPOCHS):",
            "        model.train()",
            "        total = 0.0",
            *(["        outputs_seen, targets_seen = [], []"] if self.gathers else []),
            *self._steps(),
            *self._close(),
            *self._end(),
        ]

    def _threads(self) -> list[str]:
        batch = self.training.batch_size or (self.trained.num_train or self.trained.num_rows)
        adds = self.trained.model.inspect(self.trained.input_shape).num_multiply_adds
        if batch * adds < WORTH_SHARING:
            return ["    torch.set_num_threads(1)  # a step is too small to be shared"]
        self.script.need("os")
        share = f" // {self.trained.slots}" if self.trained.slots > 1 else ""
        told = f"max(1, len(os.sched_getaffinity(0)){share})" if share else "len(os.sched_getaffinity(0))"
        return [f"    torch.set_num_threads({told})  # as the run: in another number of parts sums come out otherwise"]

    def _measured(self) -> list[str]:
        names = [node.name for node in self.trained.model.nodes if node.layer.measures]
        if not names:
            return []
        measure = self.script.use("weights", "measure")
        layers = ", ".join(self._layer(name) for name in names)
        return [f"    {measure}(model, [{layers}], num_rows, lambda rows: taken(train, rows)[0])"]

    def _layer(self, name: str) -> str:
        """The module of a layer, by its name in Traindeck."""
        if self.trained.model.is_chain:
            return f"model.get_submodule({literal(name)})"
        self.script.renames = True
        return f"model.get_submodule(_renamed(model, {literal(name)}))"

    def _optimizer(self) -> str:
        optimizer = self.training.optimizer
        told = {"lr": "LEARNING_RATE"}
        own = optimizer.model_dump(exclude={"type", "lr"}, exclude_defaults=True)
        told |= {name: repr(value) for name, value in own.items()}
        if optimizer.type in ("adam", "adamw"):
            told["fused"] = "True"
        elif optimizer.type == "sgd" and self.on_device:
            told["fused"] = 'DEVICE.type == "cuda"'
        arguments = ", ".join(f"{name}={value}" for name, value in told.items())
        return f"torch.optim.{_OPTIMIZERS[optimizer.type]}(model.parameters(), {arguments})"

    def _begin(self) -> list[str]:
        lines = ["    step = 0"]
        if "num_steps" in self.rate:
            lines.append(
                f"    num_steps = NUM_EPOCHS * len({self._batches('0')})"
                if self._batches("0")
                else "    num_steps = NUM_EPOCHS"
            )
        if self.stopping is not None:
            lines.append("    best, best_epoch, num_bad_epochs = None, 0, 0")
        return lines

    def _batches(self, epoch: str) -> str:
        """The batches of an epoch; nothing where one holds all rows."""
        if self.trained.is_one_batch:
            return ""
        alone = "_none_alone" if any("BatchNorm" in recipe.cls for recipe in self.trained.recipes) else ""
        if self.training.shuffle:
            return f"{self.script.use('batches', f'mixed{alone}')}(num_rows, BATCH_SIZE, SEED, {epoch})"
        return f"{self.script.use('batches', f'in_order{alone}')}(num_rows, BATCH_SIZE)"

    def _steps(self) -> list[str]:
        batches = self._batches("epoch")
        rows = "rows" if batches else "slice(0, num_rows)"
        lines = [f"inputs, targets = taken(train, {rows})", *self._augmented()]
        if self.rate:
            lines.append(f'optimizer.param_groups[0]["lr"] = {self.rate}')
        lines += [
            "outputs = model(inputs)",
            "loss = mix.loss(loss_of, outputs, targets)" if self._mixes else "loss = loss_of(outputs, targets)",
            "optimizer.zero_grad()",
            "loss.backward()",
            *self._pulled(),
            "optimizer.step()",
            *self._bounded(),
            "step += 1",
            "total += loss.item() * len(targets)",
            f"if step <= {_SHOWN_STEPS}:",
            '    print(f"step {step}: train/loss {loss.item():.9g}")',
        ]
        if self.gathers:
            lines += ["outputs_seen.append(outputs.detach())", "targets_seen.append(targets)"]
        if batches:
            return [f"        for rows in {batches}:", *(f"            {line}" for line in lines)]
        return [f"        {line}" for line in lines]

    @property
    def _mixes(self) -> bool:
        return any(isinstance(one, Mixup | Cutmix) for one in self.data.augment)

    def _augmented(self) -> list[str]:
        if not self.data.augment:
            return []
        figures = (
            ", train[0], train[1]" if (self.trained.pixels and self.trained.pixels.normalize == "standardize") else ""
        )
        return [f"inputs{', mix' if self._mixes else ''} = augmented(inputs, targets, step{figures})"]

    def _pulled(self) -> list[str]:
        lines = []
        for node in self.trained.model.nodes:
            layer = node.layer
            if isinstance(layer, Weighted) and (layer.l1 or layer.l2):
                pull = self.script.use("weights", "pull")
                lines.append(f"{pull}({self._layer(node.name)}, l1={layer.l1!r}, l2={layer.l2!r})")
        if self.training.max_grad_norm is not None:
            self.script.constant("MAX_GRAD_NORM", self.training.max_grad_norm)
            lines.append("nn.utils.clip_grad_norm_(model.parameters(), MAX_GRAD_NORM)")
        return lines

    def _bounded(self) -> list[str]:
        lines = []
        for node in self.trained.model.nodes:
            layer = node.layer
            if not isinstance(layer, Weighted) or layer.max_norm is None:
                continue
            if layer.type.startswith("conv_transpose"):
                told = f"{layer.max_norm!r}, groups={layer.own_fields()['groups']}"
                lines.append(f"{self.script.use('weights', 'bound_transposed')}({self._layer(node.name)}, {told})")
            else:
                lines.append(f"{self.script.use('weights', 'bound')}({self._layer(node.name)}, {layer.max_norm!r})")
        return lines

    def _close(self) -> list[str]:
        """What follows an epoch."""
        lines = ['figures = {"train/loss": total / num_rows}']
        if self.gathers:
            gathered = f"metrics_of(torch.cat(outputs_seen), torch.cat(targets_seen){figures_taken(self.trained)})"
            lines.append(f'figures |= {{f"train/{{name}}": value for name, value in {gathered}.items()}}')
        if self.validates:
            told = f'evaluate(model, data["validation"]{figures_taken(self.trained)})'
            lines.append(f'figures |= {{f"validation/{{name}}": value for name, value in {told}.items()}}')
        told = (
            'print(f"epoch {epoch + 1} of {NUM_EPOCHS}:", *(f"{name} {value:.6g}" for name, value in figures.items()))'
        )
        every = self.training.log_every_epochs
        lines += [told] if every == 1 else [f"if (epoch + 1) % {every} == 0 or epoch + 1 == NUM_EPOCHS:", f"    {told}"]
        if self.stopping is not None:
            lines += self._stopped(self.stopping)
        return [f"        {line}" for line in lines]

    def _stopped(self, stopping: EarlyStopping) -> list[str]:
        self.script.need("math")
        self.script.constant("PATIENCE", stopping.patience)
        better = "best - value" if stopping.series.endswith(_LOWER_IS_BETTER) else "value - best"
        kept = "            best_weights = {name: weight.clone() for name, weight in model.state_dict().items()}"
        return [
            f'value = figures["{stopping.series}"]',
            f"if math.isfinite(value) and (best is None or {better} > {stopping.min_delta!r}):",
            "    best, best_epoch, num_bad_epochs = value, epoch + 1, 0",
            *([kept[8:]] if stopping.restore_best else []),
            "else:",
            "    num_bad_epochs += 1",
            "    if num_bad_epochs >= PATIENCE:",
            "        break",
        ]

    def _end(self) -> list[str]:
        lines = []
        if self.stopping is not None and self.stopping.restore_best:
            lines += ["    if best is not None:", "        model.load_state_dict(best_weights)"]
            lines.append(
                f'        print(f"took the weights of epoch {{best_epoch}}, the best by {self.stopping.series}")'
            )
        told = f"evaluate(model, part{figures_taken(self.trained)}).items()"
        return [
            *lines,
            "    for name, part in data.items():",
            f'        print(f"{{name}}:", *(f"{{figure}} {{value:.6g}}" for figure, value in {told}))',
            "    weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}",
            '    save_file(weights, "model.safetensors")',
            "",
            "",
            'if __name__ == "__main__":',
            "    main(sys.argv[1])",
        ]


def _write_main(script: Script, trained: Trained, rate: str) -> None:
    stopping = trained.spec.training.early_stopping
    if stopping is not None and stopping.series.startswith("validation/") and not trained.validates:
        raise refuse(("training", "early_stopping", "series"), "no row validates", stopping.series)
    script.functions.append("\n".join(_Main(script, trained, rate).lines()))
