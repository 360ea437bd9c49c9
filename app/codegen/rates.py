"""The functions of a script by which its learning rate changes, and its momentum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.codegen.writing import LOWER_IS_BETTER, Script, Trained, literal, spread
from app.specs.schedules import CyclicSchedule, OneCycleSchedule, PlateauSchedule

_FORMULAS = "app.specs.rates"
_LR = "LEARNING_RATE"


@dataclass(frozen=True)
class Told:
    """A value that changes: the expression for it, or what a function is called with, and what of the loop it takes."""

    expression: str
    takes: tuple[str, ...]
    arguments: Sequence[str] | None = None

    def lines(self, start: str) -> list[str]:
        """The lines of a function's body that begin so."""
        if self.arguments is None:
            return [f"    {start}{self.expression}"]
        return spread(start + self.expression, self.arguments, brackets=("(", ")"))


def write_rate(script: Script, trained: Trained) -> str:
    """Define `learning_rate` where it changes. Returns how it is called, else nothing."""
    schedule = trained.spec.training.schedule
    follows = isinstance(schedule, PlateauSchedule)
    told = _rate(script, schedule)
    if told is None and not schedule.warmup_steps:
        return "plateau.lr" if follows else ""
    takes = ["lr"] if follows else list(told.takes) if told else []
    lines = told.lines("rate = ") if told else []
    if schedule.warmup_steps:
        takes += [] if "step" in takes else ["step"]
        lines.append(f"    rate = {_warm(script, schedule, 'rate' if told else 'lr' if follows else _LR)}")
    words = f"The rate of a step, counted from 0, as all is here: {_falls(schedule)}."
    return _define(script, "learning_rate", takes, words, [*lines, "    return rate"])


def write_momentum(script: Script, trained: Trained) -> str:
    """Define `momentum` where it changes. Returns how it is called, else nothing."""
    schedule = trained.spec.training.schedule
    if not isinstance(schedule, OneCycleSchedule | CyclicSchedule) or not schedule.cycle_momentum:
        return ""
    high, low = schedule.max_momentum, schedule.base_momentum
    ends = (high, low, high) if isinstance(schedule, OneCycleSchedule) else (high, low)
    told = _cycle(script, schedule, map(repr, ends))
    words = "The momentum of a step: it falls while the rate climbs."
    return _define(script, "momentum", told.takes, words, told.lines("return "))


def write_plateau(script: Script, trained: Trained) -> list[str]:
    """What holds the rate that follows a curve, where it does."""
    schedule = trained.spec.training.schedule
    if not isinstance(schedule, PlateauSchedule):
        return []
    script.quotes.add(_FORMULAS, "Plateau")
    own = schedule.model_dump(exclude={"type", "series", "warmup_steps", "warmup_start_factor"})
    falls = f"falls={schedule.series.endswith(LOWER_IS_BETTER)}"
    return spread("plateau = Plateau", [_LR, falls, *_named(own)], brackets=("(", ")"))


def _define(script: Script, name: str, takes: Sequence[str], words: str, lines: Sequence[str]) -> str:
    """Define a function. Returns how it is called."""
    typed = ", ".join(f"{one}: {'float' if one == 'lr' else 'int'}" for one in takes)
    script.functions.append("\n".join([f"def {name}({typed}) -> float:", f'    """{words}"""', *lines]))
    return f"{name}({', '.join('plateau.lr' if one == 'lr' else one for one in takes)})"


def _warm(script: Script, schedule: Any, rate: str) -> str:
    script.constant("WARMUP_STEPS", schedule.warmup_steps)
    if not schedule.warmup_start_factor:
        return f"{rate} * min(1.0, (step + 1) / WARMUP_STEPS)"
    script.quotes.add(_FORMULAS, "climb")
    return f"{rate} * climb(step, WARMUP_STEPS, start_factor={schedule.warmup_start_factor!r})"


def _rate(script: Script, schedule: Any) -> Told | None:
    """The rate but for its warm-up; None where it stays, or where a curve says it."""
    if schedule.type in _OF_A_LENGTH:
        return _along(script, schedule)
    match schedule.type:
        case "step" | "exponential":
            return _by_gamma(script, schedule)
        case "multistep":
            script.constant("MILESTONES", list(schedule.milestones))
            script.constant("GAMMA", schedule.gamma)
            return _quoted(script, "stairs", (schedule.unit,), [_LR, schedule.unit, "MILESTONES", "GAMMA"])
        case "constant" if schedule.factor != 1:
            how = _named({"total": schedule.total_iters, "factor": schedule.factor})
            return _quoted(script, "reduced", (schedule.unit,), [_LR, schedule.unit, *how])
        case "cosine_warm_restarts":
            how = _named({"length": schedule.T_0, "times": schedule.T_mult, "eta_min": schedule.eta_min})
            return _quoted(script, "cosine_warm_restarts", (schedule.unit,), [_LR, schedule.unit, *how])
        case "inverse_sqrt":
            how = _named({"warmup_steps": schedule.warmup_steps, "timescale": schedule.scale})
            return _quoted(script, "inverse_sqrt", ("step",), [_LR, "step", *how])
        case "one_cycle":
            peak = _LR if schedule.max_lr is None else repr(schedule.max_lr)
            first = f"{peak} / {schedule.div_factor!r}"
            return _cycle(script, schedule, (first, peak, f"{first} / {schedule.final_div_factor!r}"))
        case "cyclic":
            low = _LR if schedule.base_lr is None else repr(schedule.base_lr)
            return _cycle(script, schedule, (low, repr(schedule.max_lr)))
    return None


_OF_A_LENGTH = {  # each with the field that holds it, and what it is told besides
    "linear": ("total_iters", ("start_factor", "end_factor")),
    "polynomial": ("total_iters", ("power",)),
    "cosine": ("T_max", ("eta_min",)),
}


def _along(script: Script, schedule: Any) -> Told:
    """A schedule that has a length, or goes over the whole run."""
    length, names = _OF_A_LENGTH[schedule.type]
    total = getattr(schedule, length)
    takes = ("step", "num_steps") if total is None else (schedule.unit,)
    told = {name: getattr(schedule, name) for name in names}
    if schedule.type == "cosine" and total is None:
        script.need("math")
        least = repr(schedule.eta_min)
        formula = f"{least} + ({_LR} - {least}) * (1 + math.cos(math.pi * step / num_steps)) / 2"
        return Told(formula, takes)
    return _quoted(script, schedule.type, takes, [_LR, takes[0], f"{total or 'num_steps'}", *_named(told)])


def _by_gamma(script: Script, schedule: Any) -> Told:
    unit = schedule.unit
    script.constant("GAMMA", schedule.gamma)
    if schedule.type == "step":
        script.constant("STEP_SIZE", schedule.step_size)
        return Told(f"{_LR} * GAMMA ** ({unit} // STEP_SIZE)", (unit,))
    return Told(f"{_LR} * GAMMA ** ({unit} {'//' if schedule.staircase else '/'} {schedule.every})", (unit,))


def _cycle(script: Script, schedule: Any, ends: Iterable[str]) -> Told:
    """A rate or a momentum that goes from one of `ends` to the next."""
    told = f"({', '.join(ends)})"
    if isinstance(schedule, OneCycleSchedule):
        how = {name: getattr(schedule, name) for name in ("pct_start", "anneal_strategy", "three_phase")}
        return _quoted(script, "one_cycle", ("step", "num_steps"), ["step", "num_steps", told, *_named(how)])
    how = dict(zip(("size_up", "size_down", "mode", "gamma"), schedule.shape, strict=True))
    return _quoted(script, "cyclic", ("step",), ["step", told, *_named(how)])


def _quoted(script: Script, name: str, takes: tuple[str, ...], arguments: Sequence[str]) -> Told:
    script.quotes.add(_FORMULAS, name)
    return Told(name, takes, arguments)


def _named(arguments: dict[str, Any]) -> list[str]:
    return [f"{name}={literal(value)}" for name, value in arguments.items()]


def _falls(schedule: Any) -> str:
    falls = {
        "constant": "it stays" if getattr(schedule, "factor", 1) == 1 else "it is smaller at first",
        "step": f"it falls in stairs of {getattr(schedule, 'step_size', 0)}",
        "multistep": "it falls at each milestone",
        "exponential": f"it falls to GAMMA over {getattr(schedule, 'every', 0)}",
        "linear": "it goes straight from one share to another",
        "polynomial": "it falls along a power",
        "cosine": "it falls along half a cosine",
        "cosine_warm_restarts": "it falls along half a cosine, again and again",
        "inverse_sqrt": "it falls with the root of the steps",
        "one_cycle": "it climbs to its peak and falls, once",
        "cyclic": "it goes up and down",
        "plateau": "it falls where a curve is flat",
    }[schedule.type]
    return f"it climbs first, then {falls}" if schedule.warmup_steps else falls
