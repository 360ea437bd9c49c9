"""The lines of a script that average weights, as torch.optim.swa_utils does, and go on with the mean."""

from collections.abc import Iterator

from app.codegen.writing import Script, Trained
from app.specs.averages import SWA

_TORCHS = "torch.optim.swa_utils"


class Averages:
    """That of one run, if it has one. `model` is how what is judged is called."""

    def __init__(self, script: Script, trained: Trained) -> None:
        self.script, self.trained = script, trained
        self.ema, self.swa = trained.spec.training.ema, trained.spec.training.swa
        self.begun = ""  # where there is a mean, unless there is one from the first step on
        self.model = "model"
        if self.swa is not None:
            self.begun = f"epoch >= {script.constant('SWA_START', self.swa.start_epoch)}"
        elif self.ema is not None and self.ema.start_step:
            self.begun = f"step > {script.constant('EMA_START', self.ema.start_step)}"
        if self.ema is not None or self.swa is not None:
            self.model = "judged_model" if self.begun else "averaged.module"

    def rate(self, rate: str) -> str:
        """How the learning rate is called that goes to the one at which weights are averaged."""
        if self.swa is None or not (rate or self.swa.lr):
            return rate
        if self.swa.lr is None:
            return f"(begun if {self.begun} else {rate})"
        self._write_rate(self.swa, self.swa.lr)
        return f"(averaging_rate(epoch, begun) if {self.begun} else {rate or 'LEARNING_RATE'})"

    def _write_rate(self, swa: SWA, lr: float) -> None:
        """Define `averaging_rate`."""
        told = self.script.constant("SWA_RATE", lr)
        way = "1.0"
        if swa.anneal_epochs:
            way = f"min(1.0, (epoch - SWA_START) / {self.script.constant('SWA_ANNEAL_EPOCHS', swa.anneal_epochs)})"
        lines = [f"    share = {way}"]
        if swa.anneal_strategy == "cos":
            self.script.need("math")
            lines = [f"    share = (1 - math.cos(math.pi * {way})) / 2"]
        lines.append(f"    return {told} * share + begun * (1 - share)")
        head = "def averaging_rate(epoch: int, begun: float) -> float:"
        words = '    """An epoch at a time from the rate with which averaging begins to its own."""'
        self.script.functions.append("\n".join([head, words, *lines]))

    def made(self) -> Iterator[str]:
        """Beside the model and its optimizer."""
        if self.ema is None and self.swa is None:
            return
        self.script.imports.add((_TORCHS, "AveragedModel"))
        if self.ema is None:
            yield "averaged = AveragedModel(model)"
            return
        self.script.imports.add((_TORCHS, "get_ema_multi_avg_fn"))
        decay = self.script.constant("EMA_DECAY", self.ema.decay)
        yield f"averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn({decay}))"

    def opened(self, rate: str) -> Iterator[str]:
        """As an epoch begins; `rate` is how it is called where it is not averaged."""
        if self.swa is not None and (rate or self.swa.lr is not None):
            yield "if epoch == SWA_START:"
            yield f"    begun = {rate or 'LEARNING_RATE'}"

    def stepped(self) -> Iterator[str]:
        """After each step."""
        if self.ema is None:
            return
        if self.begun:
            yield f"if {self.begun}:"
        yield f"{'    ' if self.begun else ''}averaged.update_parameters(model)"

    def closed(self, batches: str, *, normalises: bool, is_judged: bool) -> Iterator[str]:
        """As an epoch ends; `batches` are those of its rows, with which norms are measured."""
        if self.swa is not None:
            yield f"if {self.begun}:"
            yield "    averaged.update_parameters(model)"
            if normalises:
                self.script.imports.add((_TORCHS, "update_bn"))
                yield "    with torch.random.fork_rng():"
                yield "        torch.manual_seed(SEED)"
                yield f"        update_bn((taken(train, rows)[0] for rows in {batches}), averaged)"
        if is_judged and self.begun:
            yield f"judged_model = averaged.module if {self.begun} else model"

    def ended(self) -> Iterator[str]:
        """After the last, unless the best epoch's weights are taken."""
        if self.model == "model":
            return
        if self.begun:
            yield f"if {self.begun}:"
        yield f"{'    ' if self.begun else ''}model.load_state_dict(averaged.module.state_dict())"
