"""How the learning rate changes over a run. Names and arguments are PyTorch's own; the formulas are in `rates`."""

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from app.specs import rates
from app.specs.base import LESS_COMMON, Spec
from app.specs.optimizers import Rate

Unit = Annotated[Literal["step", "epoch"], Field(description="what is counted")]
Gamma = Annotated[float, Field(gt=0, le=1, description="what the rate is multiplied by then")]
Factor = Annotated[float, Field(gt=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


class At(NamedTuple):
    """Where a run stands: the number of the step that is to be taken, from 0."""

    step: int
    steps_per_epoch: int
    num_steps: int

    def count(self, unit: str) -> int:
        """Steps or epochs that were done."""
        return self.step if unit == "step" else self.step // self.steps_per_epoch


class _Schedule(Spec):
    group: ClassVar[str] = "falling"
    also_called: ClassVar[tuple[str, ...]] = ()

    warmup_steps: int = Field(default=0, ge=0)
    """the rate climbs to its value over so many first steps"""
    warmup_start_factor: float = Field(
        default=0.0, ge=0, le=1, exclude_if=lambda factor: factor == 0, json_schema_extra=LESS_COMMON
    )
    """the share of the rate that this climb begins from"""

    def rate(self, lr: float, at: At) -> float:
        """The learning rate of a step, of which `lr` is the optimizer's own."""
        if not self.warmup_steps:
            return self.after_warmup(lr, at)
        return self.after_warmup(lr, at) * rates.climb(at.step, self.warmup_steps, self.warmup_start_factor)

    def after_warmup(self, lr: float, at: At) -> float:
        """The same without the climb."""
        return lr

    def momentum(self, at: At) -> float | None:
        """The momentum, or first beta, of a step; None where it stays the optimizer's own."""
        return None

    @property
    def goes_by_lr(self) -> bool:
        """Whether the optimizer's own rate decides how high it is: else to set that while it trains changes nothing."""
        return True


class ConstantSchedule(_Schedule):
    """The rate stays; with a factor it is smaller at first, as torch's ConstantLR."""

    group: ClassVar[str] = "constant"

    type: Literal["constant"] = "constant"
    factor: float = Field(default=1.0, ge=0, le=1, exclude_if=lambda one: one == 1, json_schema_extra=LESS_COMMON)
    """the share of the rate that is taken at first"""
    total_iters: int = Field(default=5, ge=0, exclude_if=lambda one: one == 5, json_schema_extra=LESS_COMMON)
    """for how many"""
    unit: Literal["step", "epoch"] = Field(
        default="epoch", exclude_if=lambda unit: unit == "epoch", json_schema_extra=LESS_COMMON
    )
    """what total_iters counts"""

    def after_warmup(self, lr: float, at: At) -> float:
        return lr if self.factor == 1 else rates.reduced(lr, at.count(self.unit), self.total_iters, self.factor)


class StepSchedule(_Schedule):
    """The rate falls in stairs, as torch's StepLR."""

    type: Literal["step"] = "step"
    step_size: int = Field(default=10, ge=1)
    """after how many it falls"""
    gamma: Gamma = 0.1
    unit: Unit = "epoch"

    def after_warmup(self, lr: float, at: At) -> float:
        return lr * self.gamma ** (at.count(self.unit) // self.step_size)


class MultistepSchedule(_Schedule):
    """The rate falls when certain epochs or steps are reached, as torch's MultiStepLR."""

    type: Literal["multistep"] = "multistep"
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=1000)
    """after how many it falls: 30, 60, 90"""
    gamma: Gamma = 0.1
    unit: Unit = "epoch"

    def after_warmup(self, lr: float, at: At) -> float:
        return rates.stairs(lr, at.count(self.unit), self.milestones, self.gamma)


class ExponentialSchedule(_Schedule):
    """The rate falls continuously: lr · gamma^(n / every)."""

    type: Literal["exponential"] = "exponential"
    gamma: float = Field(default=0.9, gt=0, le=1)
    """what it is multiplied by over so many"""
    every: int = Field(default=1, ge=1)
    """over how many it is multiplied by gamma"""
    unit: Unit = "epoch"
    staircase: bool = Field(default=False, exclude_if=lambda staircase: not staircase)
    """whether it stays between, and falls by gamma at once when so many are done"""

    def after_warmup(self, lr: float, at: At) -> float:
        n = at.count(self.unit)
        return lr * self.gamma ** (n // self.every if self.staircase else n / self.every)


class LinearSchedule(_Schedule):
    """The rate goes straight from one share of it to another, as torch's LinearLR."""

    type: Literal["linear"] = "linear"
    start_factor: Factor = Field(default=1 / 3, description="the share of the rate in the beginning")
    end_factor: float = Field(default=1.0, ge=0, le=1)
    """the share of the rate at the end; 0 to let it run out"""
    total_iters: int | None = Field(default=5, ge=1)
    """over how many; the whole run if empty"""
    unit: Unit = "epoch"

    def after_warmup(self, lr: float, at: At) -> float:
        n, total = _way(at, self.total_iters, self.unit)
        return rates.linear(lr, n, total, self.start_factor, self.end_factor)


class PolynomialSchedule(_Schedule):
    """The rate falls to 0 along a power, as torch's PolynomialLR: straight with 1, with more the slower at the end."""

    type: Literal["polynomial"] = "polynomial"
    power: float = Field(default=1.0, gt=0, le=100)
    """the power of the share that is left"""
    total_iters: int | None = Field(default=5, ge=1)
    """after how many it is 0; at the end of the run if empty"""
    unit: Unit = "epoch"

    def after_warmup(self, lr: float, at: At) -> float:
        n, total = _way(at, self.total_iters, self.unit)
        return rates.polynomial(lr, n, total, self.power)


class CosineSchedule(_Schedule):
    """The rate falls along half a cosine over the whole run (Loshchilov, Hutter, 2016)."""

    type: Literal["cosine"] = "cosine"
    eta_min: float = Field(default=0.0, ge=0)
    """the rate at the end"""
    T_max: int | None = Field(default=None, ge=1, exclude_if=lambda one: one is None, json_schema_extra=LESS_COMMON)
    """after how many it is at its end, from where it climbs again; the whole run if empty"""
    unit: Literal["step", "epoch"] = Field(
        default="epoch", exclude_if=lambda unit: unit == "epoch", json_schema_extra=LESS_COMMON
    )
    """what T_max counts"""

    def after_warmup(self, lr: float, at: At) -> float:
        return rates.cosine(lr, *_way(at, self.T_max, self.unit), self.eta_min)


class InverseSqrtSchedule(_Schedule):
    """The rate falls with the square root of the steps, as for transformers (Vaswani et al., 2017); with a warm-up."""

    type: Literal["inverse_sqrt"] = "inverse_sqrt"
    also_called: ClassVar[tuple[str, ...]] = ("noam", "rsqrt")
    timescale: int | None = Field(default=None, ge=1)
    """the rate is halved after three times so many steps; warmup_steps if empty, or 10,000 where there are none"""

    def after_warmup(self, lr: float, at: At) -> float:
        return rates.inverse_sqrt(lr, at.step, self.warmup_steps, self.scale)

    @property
    def scale(self) -> int:
        """The time scale, said or not."""
        return self.timescale or self.warmup_steps or 10_000


class CosineWarmRestartsSchedule(_Schedule):
    """Half a cosine again and again, each time from the whole rate (Loshchilov, Hutter, 2016)."""

    group: ClassVar[str] = "up and down"

    type: Literal["cosine_warm_restarts"] = "cosine_warm_restarts"
    T_0: int = Field(ge=1)
    """how long the first takes"""
    T_mult: int = Field(default=1, ge=1, le=1000)
    """how many times as long as the one before the next takes"""
    eta_min: float = Field(default=0.0, ge=0)
    """the rate at the end of each"""
    unit: Unit = "epoch"

    def after_warmup(self, lr: float, at: At) -> float:
        return rates.cosine_warm_restarts(lr, at.count(self.unit), self.T_0, self.T_mult, self.eta_min)


class _Cycling(_Schedule):
    group: ClassVar[str] = "up and down"

    cycle_momentum: bool = True
    """whether momentum, or the first beta, falls while the rate climbs, and climbs while it falls"""


class OneCycleSchedule(_Cycling):
    """The rate climbs to its peak and falls far below where it began, once over the run (Smith, Topin, 2017)."""

    type: Literal["one_cycle"] = "one_cycle"
    max_lr: Rate | None = Field(default=None, description="the rate at the peak; the optimizer's own if empty")
    pct_start: float = Field(default=0.3, ge=0, le=1)
    """the share of the run in which it climbs"""
    anneal_strategy: Literal["cos", "linear"] = "cos"
    """along half a cosine, or straight"""
    base_momentum: Momentum = Field(default=0.85, description="the momentum at the peak", json_schema_extra=LESS_COMMON)
    max_momentum: Momentum = Field(
        default=0.95, description="the momentum in the beginning and at the end", json_schema_extra=LESS_COMMON
    )
    div_factor: float = Field(default=25.0, gt=0)
    """it begins with the peak divided by this"""
    final_div_factor: float = Field(default=1e4, gt=0)
    """and ends with that beginning divided by this"""
    three_phase: bool = Field(default=False, json_schema_extra=LESS_COMMON)
    """whether it falls to its beginning as long as it climbed, and from there to its end"""

    def after_warmup(self, lr: float, at: At) -> float:
        return self._on_its_way(at, self.ends(lr))

    @property
    def goes_by_lr(self) -> bool:
        return self.max_lr is None

    def ends(self, lr: float) -> tuple[float, float, float]:
        """The rate in the beginning, at the peak, at the end."""
        peak = self.max_lr or lr
        first = peak / self.div_factor
        return first, peak, first / self.final_div_factor

    def momentum(self, at: At) -> float | None:
        if not self.cycle_momentum:
            return None
        return self._on_its_way(at, (self.max_momentum, self.base_momentum, self.max_momentum))

    def _on_its_way(self, at: At, ends: tuple[float, float, float]) -> float:
        how = (self.pct_start, self.anneal_strategy, self.three_phase)
        return rates.one_cycle(at.step, at.num_steps, ends, *how)


class CyclicSchedule(_Cycling):
    """The rate goes up and down between two bounds, in straight lines (Smith, 2015)."""

    type: Literal["cyclic"] = "cyclic"
    max_lr: Rate = Field(description="the upper bound")
    base_lr: Rate | None = Field(default=None, description="the lower bound; the optimizer's own rate if empty")
    step_size_up: int = Field(default=2000, ge=1)
    """steps from the lower bound to the upper one"""
    step_size_down: int | None = Field(default=None, ge=1)
    """steps back; as many if empty"""
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    """always as high, half as high each time, or lower by gamma with each step"""
    gamma: float = Field(default=1.0, gt=0, le=1)
    """what the height is multiplied by at each step, with exp_range"""
    base_momentum: Momentum = Field(
        default=0.8, description="the momentum at the upper bound", json_schema_extra=LESS_COMMON
    )
    max_momentum: Momentum = Field(
        default=0.9, description="the momentum at the lower bound", json_schema_extra=LESS_COMMON
    )

    def after_warmup(self, lr: float, at: At) -> float:
        return rates.cyclic(at.step, (self.base_lr or lr, self.max_lr), *self.shape)

    def momentum(self, at: At) -> float | None:
        if not self.cycle_momentum:
            return None
        return rates.cyclic(at.step, (self.max_momentum, self.base_momentum), *self.shape)

    @property
    def goes_by_lr(self) -> bool:
        return False

    @property
    def shape(self) -> tuple[int, int, str, float]:
        """What `rates.cyclic` is told of a cycle."""
        return self.step_size_up, self.step_size_down or self.step_size_up, self.mode, self.gamma


class PlateauSchedule(_Schedule):
    """The rate falls whenever a curve gets no better for some epochs, as torch's ReduceLROnPlateau."""

    group: ClassVar[str] = "by results"
    also_called: ClassVar[tuple[str, ...]] = ("reduce_lr_on_plateau",)

    type: Literal["plateau"] = "plateau"
    series: str = "validation/loss"
    """the curve; one named loss, mae, mse or rmse should fall, any other rise"""
    factor: float = Field(default=0.1, gt=0, lt=1)
    """what the rate is multiplied by then"""
    patience: int = Field(default=10, ge=0)
    """how many epochs without a better value are put up with"""
    threshold: float = Field(default=1e-4, ge=0)
    """how much better counts as better"""
    threshold_mode: Literal["rel", "abs"] = Field(default="rel", json_schema_extra=LESS_COMMON)
    """whether that is a share of the best value so far, or a difference to it"""
    cooldown: int = Field(default=0, ge=0, json_schema_extra=LESS_COMMON)
    """how many epochs after a fall are not counted"""
    min_lr: float = Field(default=0.0, ge=0)
    """the rate does not fall below this"""
    eps: float = Field(default=1e-8, ge=0)
    """a fall by less is left out"""


def _way(at: At, total: int | None, unit: str) -> tuple[int, int]:
    """How far it is, and of how much: of so many steps or epochs, or of the whole run step by step."""
    return (at.step, at.num_steps) if total is None else (at.count(unit), total)


AnySchedule = Annotated[
    ConstantSchedule
    | StepSchedule
    | MultistepSchedule
    | ExponentialSchedule
    | LinearSchedule
    | PolynomialSchedule
    | CosineSchedule
    | InverseSqrtSchedule
    | CosineWarmRestartsSchedule
    | OneCycleSchedule
    | CyclicSchedule
    | PlateauSchedule,
    Field(discriminator="type"),
]
