"""How a batch passes through a script's model: in pieces, in half the size, compiled."""

from collections.abc import Iterator

from app.codegen.judging import outputs_of
from app.codegen.losses import counted, counts_rows, is_by_weight
from app.codegen.writing import Script, Trained

_WIDE = ("torch.nn.Bilinear", "torch.nn.RMSNorm")  # that autocast does not know (`worker.train.precision`)


class Passing:
    """That of one run."""

    def __init__(self, script: Script, trained: Trained, *, normalises: bool, mixes: bool) -> None:
        self.script, self.trained, self.training = script, trained, trained.spec.training
        self.normalises, self.mixes = normalises, mixes
        if self.training.micro_batch_size is not None:
            self._write_pieces(self.training.micro_batch_size)

    def settled(self) -> Iterator[str]:
        """How a GPU computes, before anything is computed."""
        if self.training.device == "cpu":
            return
        self.script.need("os")
        yield 'if DEVICE.type == "cuda":'
        yield '    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")'
        if self.training.deterministic:
            yield "    torch.use_deterministic_algorithms(True, warn_only=True)"
        else:
            yield "    torch.backends.cudnn.benchmark = True"
        if self.training.tf32:
            yield '    torch.set_float32_matmul_precision("high")'

    def made(self) -> Iterator[str]:
        """What is made of the model."""
        if self.training.precision == "bfloat16" and any(one.cls in _WIDE for one in self.trained.recipes):
            self.script.quotes.add("worker.train.precision", "widen")
            yield "widen(model)"
        if self.training.compile:
            yield "forward = torch.compile(model, dynamic=False)"

    def tried(self, clear: str) -> Iterator[str]:
        """From a batch to its gradients."""
        if self.training.micro_batch_size is not None:
            yield clear
            yield f"outputs, loss = backward({self._forward}, inputs, targets{', mix' if self.mixes else ''})"
            return
        call = f"{self._forward}(inputs)" if self.training.compile else outputs_of(self.script, self.trained)
        yield from self._called("outputs", call)
        yield "loss = mix.loss(loss_of, outputs, targets)" if self.mixes else "loss = loss_of(outputs, targets)"
        yield clear
        yield "loss.backward()"

    @property
    def _forward(self) -> str:
        return "forward" if self.training.compile else "model"

    def _called(self, name: str, call: str) -> Iterator[str]:
        if self.training.precision == "float32":
            yield f"{name} = {call}"
            return
        device = '"cpu"' if self.training.device == "cpu" else "DEVICE.type"
        yield f"with torch.autocast({device}, torch.bfloat16):"
        yield f"    {name} = {call}"
        yield f"{name} = {name}.float()"

    def _write_pieces(self, size: int) -> None:
        """Define `backward`."""
        self.script.quotes.add("worker.train.batches", "bounds")
        told = self.script.constant("MICRO_BATCH_SIZE", size)
        alone = ", min_rows=2" if self.normalises else ""
        takes = f"forward: nn.Module, inputs: Tensor, targets: Tensor{', mix: Mix' if self.mixes else ''}"
        lines = [
            f"def backward({takes}) -> tuple[Tensor, Tensor]:",
            '    """Outputs and loss, some rows at a time; their gradients add up to those of all."""',
            "    outputs, losses = [], []",
            *self._counts(),
            f"    for start, end in bounds(len(inputs), {told}{alone}):",
            *(f"        {line}" for line in self._called("found", "forward(inputs[start:end])")),
            f"        loss = {self._share()}",
            "        loss.backward()",
            "        outputs.append(found.detach())",
            "        losses.append(loss.detach())",
            "    return torch.cat(outputs), torch.stack(losses).sum()",
        ]
        self.script.functions.append("\n".join(lines))

    def _counts(self) -> list[str]:
        least = "1e-9" if is_by_weight(self.trained) else "1"  # of empty texts alone there is nothing to share
        return [] if counts_rows(self.trained) else [f"    count = {self._counted('targets')}.clamp_min({least})"]

    def _counted(self, targets: str) -> str:
        return counted(self.script, self.trained, targets)

    def _share(self) -> str:
        """What some rows add to the loss of all."""
        own = "targets[start:end]"
        share = "((end - start) / len(inputs))"
        if not counts_rows(self.trained):
            share = f"({self._counted(own)} / count).float()"
        if not self.mixes:
            return f"loss_of(found, {own}) * {share}"
        return f"mix.of(slice(start, end)).loss(lambda *of: loss_of(*of) * {share}, found, {own})"
