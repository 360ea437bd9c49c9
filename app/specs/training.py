"""How a run trains: its loss and optimizer, and how long."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.specs.averages import EMA, SWA
from app.specs.base import Spec, need_one
from app.specs.losses import AnyLoss
from app.specs.metrics import AnyMetric
from app.specs.optimizers import Adam, AnyOptimizer
from app.specs.schedules import AnySchedule, At, ConstantSchedule, PlateauSchedule

MAX_CRASHES = 3
NumEpochs = Annotated[int, Field(ge=1, le=10_000_000, description="how often all training rows are seen")]


class EarlyStopping(Spec):
    """Ends the training when a curve no longer gets better."""

    series: str = "validation/loss"
    """the curve; one named loss, mae, mse, rmse or error should fall, any other rise"""
    patience: int = Field(default=10, ge=1)
    """how many epochs without a better value are waited for"""
    min_delta: float = Field(default=0.0, ge=0)
    """how much better counts as better"""
    restore_best: bool = True
    """whether the weights of the best epoch are kept, not the last"""


class OutputLoss(Spec):
    """By what one of several outputs is judged."""

    loss: AnyLoss
    """what the training makes small, with those of the other outputs"""
    weight: float = Field(default=1.0, gt=0, le=1e6)
    """how much it counts in their sum"""
    metrics: tuple[AnyMetric, ...] = ()
    """what is measured beside the loss"""


class StartFrom(Spec):
    """The weights that a run has left, taken where layers are called alike and have the same shapes."""

    run_id: str = Field(min_length=1, max_length=60)
    """the run; one that has ended well"""
    up_to: str | None = Field(default=None, min_length=1, max_length=200)
    """the last layer whose weights are taken, by its name; those after it begin anew. All of them if empty"""


class LrRangeTest(Spec):
    """Rates that are tried before the first step, each for one step, from low to high (Smith, 2017)."""

    start_lr: float = Field(default=1e-6, gt=0, le=1000)
    """the first rate"""
    end_lr: float = Field(default=10.0, gt=0, le=1000)
    """the last, unless the loss has run away before"""
    num_steps: int = Field(default=100, ge=20, le=2000)
    """how many are tried"""

    @field_validator("end_lr")
    @classmethod
    def _rises(cls, end_lr: float, info: ValidationInfo) -> float:
        if end_lr <= info.data.get("start_lr", 0):
            raise ValueError("must be above start_lr")
        return end_lr


class TrainingSpec(Spec):
    """Loss, optimizer, and how long."""

    num_epochs: NumEpochs = 10
    batch_size: int | None = Field(default=32, ge=1)
    """rows in a step; all of them if empty"""
    micro_batch_size: int | None = Field(default=None, ge=1, exclude_if=lambda size: size is None)
    """rows that go through the model at once, where a batch takes too much memory: gradients add up, so a step stays
    what it is. But batch normalization sees the rows of a piece alone. The whole batch if empty"""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """the same seed gives the same run, on the same kind of device"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto takes a GPU where there is one"""
    num_processes: int = Field(default=1, ge=1, le=64, exclude_if=lambda count: count == 1)
    """processes that share each batch, as torch's DistributedDataParallel has it: each with a GPU of its own, or with
    its share of the CPU's cores. Losses stay those of one process, to rounding"""
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", exclude_if=lambda precision: precision == "float32"
    )
    """what layers compute in while training, as torch.autocast has it; weights, loss and evaluation are in float32.
    bfloat16 takes half the memory and, where the device has it, half the time; float16 is for older GPUs"""
    tf32: bool = Field(default=False, exclude_if=lambda tf32: not tf32)
    """whether a GPU multiplies matrices of float32 with 10 bits after the point, several times as fast"""
    compile: bool = Field(default=False, exclude_if=lambda compiles: not compiles)
    """whether torch.compile makes steps faster, a minute later; where it cannot, the log says why"""
    deterministic: bool = Field(default=True, exclude_if=lambda exact: exact)
    """whether a GPU computes the same bits again, wherever torch knows how; else it takes whatever is fastest"""
    start_from: StartFrom | None = None
    """what the weights begin with, where that is not chance: those of another run"""
    shuffle: bool = True
    """whether rows come in a new order each epoch"""
    outputs: dict[str, OutputLoss] | None = Field(
        default=None, min_length=1, exclude_if=lambda outputs: outputs is None
    )
    """of a model with several outputs: by its name the loss of each, in place of loss and metrics"""
    loss: AnyLoss | None = Field(default=None, validate_default=True, exclude_if=lambda loss: loss is None)
    """what the training makes small"""
    optimizer: AnyOptimizer = Adam()
    """how a step follows from the gradient"""
    schedule: AnySchedule = ConstantSchedule()
    """how the rate changes over the run"""
    metrics: tuple[AnyMetric, ...] = ()
    """what is measured beside the loss"""
    early_stopping: EarlyStopping | None = None
    """ends the run when it no longer gets better"""
    max_grad_norm: float | None = Field(default=None, gt=0)
    """gradients longer than this are shortened to it"""
    max_grad_value: float | None = Field(default=None, gt=0, exclude_if=lambda value: value is None)
    """no number of a gradient is further from 0 than this, once its length is bounded"""
    ema: EMA | None = Field(default=None, exclude_if=lambda ema: ema is None)
    """leaves a moving average of the weights, not the last"""
    swa: SWA | None = Field(default=None, exclude_if=lambda swa: swa is None)
    """leaves the mean of the weights of the last epochs, at a rate that stays"""
    checkpoint_every_s: float = Field(default=30.0, gt=0)
    """how often the state is saved, in seconds"""
    keep_checkpoints: int = Field(default=3, ge=1, le=100)
    """how many of the latest are kept, beside the best"""
    log_every_epochs: int = Field(default=1, ge=1)
    """how often a line of the log says how it stands"""
    time_limit_s: float | None = Field(default=None, gt=0, exclude_if=lambda limit: limit is None)
    """how long it may train, in seconds, all attempts together, without pauses; it ends then with its best weights"""
    max_crashes: int = Field(default=MAX_CRASHES, ge=1, le=100, exclude_if=lambda count: count == MAX_CRASHES)
    """how often its process may die without coming further; at 1 it is never tried again"""
    lr_range_test: LrRangeTest | None = Field(default=None, exclude_if=lambda test: test is None)
    """tries rates before the first step, and says which one the loss falls fastest at. The training itself is what it
    would be without"""
    fit_memory: bool = Field(default=False, exclude_if=lambda fits: not fits)
    """whether it may take a smaller micro_batch_size by itself where memory runs out; it says so then"""
    watch_every: int | None = Field(default=None, ge=0, exclude_if=lambda every: every is None)
    """every how many steps the layers are looked at: gradients, weights, outputs. 0 is never; if empty, a hundred times
    a run, but not more often than every 50 steps"""
    histograms_every: int | None = Field(default=None, ge=0, exclude_if=lambda every: every is None)
    """every how many steps they are drawn as histograms. 0 is never; if empty, a fifth as often"""

    @field_validator("loss")
    @classmethod
    def _is_said(cls, loss: Any, info: ValidationInfo) -> Any:
        return need_one(loss, info, "outputs")

    @property
    def only_loss(self) -> AnyLoss:
        """The loss of a single output."""
        assert self.loss is not None, "each of several outputs has its own"
        return self.loss

    @property
    def loss_type(self) -> str:
        """Its type."""
        return self.only_loss.type

    def rates(self, num_train: int, count: int = 100) -> list[float]:
        """The learning rate at steps spread over the whole run; none where a curve decides."""
        if isinstance(self.schedule, PlateauSchedule):
            return []
        per_epoch = -(-num_train // (self.batch_size or num_train))
        num_steps = self.num_epochs * per_epoch
        steps = sorted({round(i * (num_steps - 1) / (count - 1)) for i in range(count)})
        return [self._rate(At(step, per_epoch, num_steps)) for step in steps]

    def _rate(self, at: At) -> float:
        num_averaged = at.count("epoch") - self.swa.start_epoch if self.swa else -1
        if self.swa is None or num_averaged < 0:
            return self.schedule.rate(self.optimizer.lr, at)
        begun = self.schedule.rate(self.optimizer.lr, at._replace(step=self.swa.start_epoch * at.steps_per_epoch))
        return self.swa.rate(begun, num_averaged)

    def rows_at_once(self, batch_size: int) -> int:
        """How many rows go through the model at once, of batches of so many."""
        return min(batch_size, self.micro_batch_size or batch_size)

    @field_validator("schedule", mode="before")
    @classmethod
    def _none_is_constant(cls, schedule: Any) -> Any:
        return {"type": "constant"} if schedule is None else schedule
