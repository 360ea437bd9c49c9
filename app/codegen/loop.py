"""The functions of a script that train: the loop itself, and what it begins with."""

from app.codegen.answers import figures_taken
from app.codegen.averages import Averages
from app.codegen.beginnings import write_beginnings
from app.codegen.judging import gathered, write_evaluate, write_metrics
from app.codegen.losses import counts_rows, summed, whole, write_loss, write_weights
from app.codegen.optimizing import Optimizing
from app.codegen.passing import Passing
from app.codegen.rates import write_momentum, write_plateau, write_rate
from app.codegen.reading import prefers_channels_last
from app.codegen.sizes import lies_in_files, row_bytes
from app.codegen.weights import Weights
from app.codegen.writing import LOWER_IS_BETTER, Script, Trained, refuse
from app.specs.augment import Cutmix, Mixup
from app.specs.inspection import WORTH_SHARING
from app.specs.schedules import PlateauSchedule
from app.specs.training import EarlyStopping, TrainingSpec

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
    _write_main(script, trained, write_rate(script, trained), write_momentum(script, trained))


def _write_device(script: Script, trained: Trained) -> None:
    device = trained.spec.training.device
    if device == "auto":
        script.constants["DEVICE"] = 'torch.device("cuda" if torch.cuda.is_available() else "cpu")'
    elif device == "cuda":
        script.constants["DEVICE"] = 'torch.device("cuda")'


class _Main:
    """The lines of `main`."""

    def __init__(self, script: Script, trained: Trained, rate: str, momentum: str) -> None:
        self.averages = Averages(script, trained)
        self.script, self.trained, self.own_rate, self.rate = script, trained, rate, self.averages.rate(rate)
        self.training, self.data = trained.spec.training, trained.spec.data
        self.on_device = trained.spec.training.device != "cpu"
        self.stopping = self.training.early_stopping
        watched = [series for _, series in _watched(self.training)]
        self.gathers = any(series.startswith("train/") and series != "train/loss" for series in watched)
        self.is_even = counts_rows(trained)  # else rows have more or fewer answers, or count more or less
        self.sums = self.is_even or not trained.heads
        self.gathers |= not self.sums
        self.weights = Weights(script, trained)
        self.optimizing = Optimizing(script, trained, self.rate, momentum)
        self.passing = Passing(script, trained, normalises=bool(self._none_alone()), mixes=self._mixes)

    def lines(self) -> list[str]:
        """All of them."""
        threads = self._threads()
        return [
            "def main(path: str) -> None:",
            '    """Train on the table in that file, and leave the weights in model.safetensors."""',
            *threads,
            *(f"    {line}" for line in self.passing.settled()),
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
            *(f"    {line}" for line in write_weights(self.script, self.trained)),
            *(f"    {line}" for line in self.weights.measured()),
            *(f"    {line}" for line in write_beginnings(self.script, self.trained)),
            *(f"    {line}" for line in self.optimizing.made()),
            *(f"    {line}" for line in self.passing.made()),
            *(f"    {line}" for line in self.averages.made()),
            *self._begin(),
            "    for epoch in range(NUM_EPOCHS):",
            "        model.train()",
            *(f"        {line}" for line in self.weights.held()),
            *(f"        {line}" for line in self.averages.opened(self.own_rate)),
            *self._zeros(),
            *(["        outputs_seen, targets_seen = [], []"] if self.gathers else []),
            *self._steps(),
            *self._close(),
            *self._end(),
        ]

    def _threads(self) -> list[str]:
        batch = self.training.batch_size or (self.trained.num_train or self.trained.num_rows)
        batch = self.training.rows_at_once(batch)
        adds = self.trained.inspection.num_multiply_adds
        if batch * adds < WORTH_SHARING:
            return ["    torch.set_num_threads(1)  # a step is too small to be shared"]
        self.script.need("os")
        share = f"max(1, cores // {self.trained.slots})" if self.trained.slots > 1 else "cores"
        return [
            '    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1',
            f"    torch.set_num_threads({share})  # as the run: of another number of parts sums come out otherwise",
        ]

    def _begin(self) -> list[str]:
        lines = [*self._mixed(), "    step = 0"]
        if "num_steps" in self.rate:
            first = self._batches("0")
            lines.append("    num_steps = NUM_EPOCHS" + (f" * len({first})" if first else ""))
        lines += write_plateau(self.script, self.trained)
        if self.stopping is not None:
            found = "best, best_epoch, num_bad_epochs = None, 0, 0"
            lines.append(f"    {found if self.stopping.restore_best else 'best, num_bad_epochs = None, 0'}")
        return lines

    def _batches(self, epoch: str) -> str:
        """The batches of an epoch; nothing where one holds all rows."""
        if self.trained.is_one_batch:
            return ""
        alone = self._none_alone()
        if self.training.shuffle:
            mixed = "batches_of" if lies_in_files(self.trained) else self.script.use("batches", f"mixed{alone}")
            return f"{mixed}(num_rows, BATCH_SIZE, SEED, {epoch})"
        return f"{self.script.use('batches', f'in_order{alone}')}(num_rows, BATCH_SIZE)"

    def _none_alone(self) -> str:
        normalises = any("BatchNorm" in recipe.cls for recipe in self.trained.recipes)
        normalises |= any(backbone.normalises for backbone in self.trained.backbones)
        return "_none_alone" if normalises else ""

    def _mixed(self) -> list[str]:
        """How rows in a file are mixed; on a GPU with room for them they lie in no file."""
        if self.trained.is_one_batch or not self.training.shuffle or not lies_in_files(self.trained):
            return []
        alone = self._none_alone()
        self.script.imports.add(("functools", "partial"))
        self.script.constant("ROW_BYTES", row_bytes(self.trained))
        in_runs = f"partial({self.script.use('batches', f'mixed_in_runs{alone}')}, row_bytes=ROW_BYTES)"
        if not self.on_device:
            return [f"    batches_of = {in_runs}"]
        whole = self.script.use("batches", f"mixed{alone}")
        return [f'    batches_of = {whole} if DEVICE.type == "cuda" else {in_runs}']

    def _steps(self) -> list[str]:
        batches = self._batches("epoch")
        rows = "rows" if batches else "slice(0, num_rows)"
        lines = [f"inputs, targets = taken(train, {rows})", *self._augmented()]
        lines += [
            *self.optimizing.rates(),
            *(self._searched() if self.optimizing.searches else [*self._tried(), *self.optimizing.taken()]),
            *self.weights.bounded(),
            "step += 1",
            *self.averages.stepped(),
            *(summed(self.script, self.trained, "", "targets") if self.sums else ()),
            f"if step <= {_SHOWN_STEPS}:",
            '    print(f"step {step}: train/loss {loss.item():.9g}")',
        ]
        if self.gathers:
            seen = "[one.detach() for one in outputs]" if self.trained.heads else "outputs.detach()"
            lines += [f"outputs_seen.append({seen})", "targets_seen.append(targets)"]
        if batches:
            return [f"        for rows in {batches}:", *(f"            {line}".rstrip() for line in lines)]
        return [f"        {line}".rstrip() for line in lines]

    def _tried(self) -> list[str]:
        """Forward and back."""
        return [*self.passing.tried(self.optimizing.cleared()), *self.weights.pulled()]

    def _searched(self) -> list[str]:
        """A step that tries several weights: what is shown is the first of them."""
        return [
            "tried = []",
            "",
            "def closure() -> Tensor:",
            *(f"    {line}" for line in self._tried()),
            "    tried.append((outputs, loss))",
            "    return loss",
            "",
            "optimizer.step(closure)",
            "outputs, loss = tried[0]" if self.gathers else "_, loss = tried[0]",
        ]

    def _zeros(self) -> list[str]:
        if not self.sums:
            return []
        return ["        total = 0.0" if self.is_even else "        total, count = 0.0, 0"]

    @property
    def _mixes(self) -> bool:
        return any(isinstance(one, Mixup | Cutmix) for one in self.data.augment)

    def _augmented(self) -> list[str]:
        if not self.data.augment:
            return []
        pixels = self.trained.pixels
        figures = ", train[0], train[1]" if pixels and pixels.normalize == "standardize" else ""
        return [f"inputs, targets{', mix' if self._mixes else ''} = augmented(inputs, targets, step{figures})"]

    def _close(self) -> list[str]:
        """What follows an epoch."""
        lines = []
        if self.gathers:
            seen = gathered(self.script, self.trained, "outputs_seen", "targets_seen")
            lines.append(f"judged = metrics_of({seen})")
        loss = f"total / {'num_rows' if self.is_even else 'count'}" if self.sums else whole(self.trained)
        lines.append(f'figures = {{"train/loss": {loss}}}')
        if self.gathers:
            lines.append('figures |= {f"train/{name}": value for name, value in judged.items()}')
        is_judged = self.trained.validates or (self.stopping is not None and self.stopping.restore_best)
        batches = self._batches("0") or "[slice(0, num_rows)]"
        lines += self.averages.closed(batches, normalises=bool(self._none_alone()), is_judged=is_judged)
        if self.trained.validates:
            lines.append(f'judged = evaluate({self.averages.model}, data["validation"]{figures_taken(self.trained)})')
            lines.append('figures |= {f"validation/{name}": value for name, value in judged.items()}')
        told = (
            'print(f"epoch {epoch + 1} of {NUM_EPOCHS}:", *(f"{name} {value:.6g}" for name, value in figures.items()))'
        )
        every = self.training.log_every_epochs
        lines += [told] if every == 1 else [f"if (epoch + 1) % {every} == 0 or epoch + 1 == NUM_EPOCHS:", f"    {told}"]
        if isinstance(self.training.schedule, PlateauSchedule):
            lines.append(f'plateau.see(figures["{self.training.schedule.series}"])')
        if self.stopping is not None:
            lines += self._stopped(self.stopping)
        return [f"        {line}" for line in lines]

    def _stopped(self, stopping: EarlyStopping) -> list[str]:
        self.script.need("math")
        self.script.constant("PATIENCE", stopping.patience)
        better = "best - value" if stopping.series.endswith(LOWER_IS_BETTER) else "value - best"
        found = "    best, best_epoch, num_bad_epochs = value, epoch + 1, 0"
        weights = f"{self.averages.model}.state_dict().items()"
        kept = f"    best_weights = {{name: weight.clone() for name, weight in {weights}}}"
        return [
            f'value = figures["{stopping.series}"]',
            f"if math.isfinite(value) and (best is None or {better} > {stopping.min_delta!r}):",
            *([found, kept] if stopping.restore_best else ["    best, num_bad_epochs = value, 0"]),
            "else:",
            "    num_bad_epochs += 1",
            "    if num_bad_epochs >= PATIENCE:",
            "        break",
        ]

    def _end(self) -> list[str]:
        lines = [f"    {line}" for line in self.averages.ended()]
        if self.stopping is not None and self.stopping.restore_best:
            lines += ["    if best is not None:", "        model.load_state_dict(best_weights)"]
            lines.append(
                f'        print(f"took the weights of epoch {{best_epoch}}, the best by {self.stopping.series}")'
            )
        return [
            *lines,
            "    for name, part in data.items():",
            f"        judged = evaluate(model, part{figures_taken(self.trained)})",
            '        print(f"{name}:", *(f"{figure} {value:.6g}" for figure, value in judged.items()))',
            "    weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}",
            '    save_file(weights, "model.safetensors")',
            "",
            "",
            'if __name__ == "__main__":',
            "    if len(sys.argv) != 2:",
            "        sys.exit(__doc__)",
            "    main(sys.argv[1])",
        ]


def _write_main(script: Script, trained: Trained, rate: str, momentum: str) -> None:
    for place, series in _watched(trained.spec.training):
        if series.startswith("validation/") and not trained.validates:
            raise refuse(("training", place, "series"), "no row validates", series)
    script.functions.append("\n".join(_Main(script, trained, rate, momentum).lines()))


def _watched(training: TrainingSpec) -> list[tuple[str, str]]:
    """The curves that something follows, each with what does."""
    stopping, schedule = training.early_stopping, training.schedule
    found = [("early_stopping", stopping.series)] if stopping is not None else []
    return [*found, ("schedule", schedule.series)] if isinstance(schedule, PlateauSchedule) else found
