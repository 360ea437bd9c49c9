"""The function of a script by which its learning rate changes."""

from typing import Any

from app.codegen.writing import Script, Trained


def write_rate(script: Script, trained: Trained) -> str:
    """Define `learning_rate` where it changes. Returns how it is called, else nothing."""
    schedule = trained.spec.training.schedule
    lines: list[str] = []
    takes: list[str] = []
    if schedule.type in ("step", "exponential"):
        unit = schedule.unit
        takes.append(unit)
        script.constant("GAMMA", schedule.gamma)
        if schedule.type == "step":
            script.constant("STEP_SIZE", schedule.step_size)
            lines.append(f"    rate = LEARNING_RATE * GAMMA ** ({unit} // STEP_SIZE)")
        else:
            lines.append(f"    rate = LEARNING_RATE * GAMMA ** ({unit} / {schedule.every})")
    elif schedule.type == "cosine":
        takes += ["step", "num_steps"]
        script.need("math")
        least = schedule.eta_min
        rate = f"{least!r} + (LEARNING_RATE - {least!r})"
        lines.append(f"    rate = {rate} * (1 + math.cos(math.pi * step / num_steps)) / 2")
    if schedule.warmup_steps:
        takes += [] if "step" in takes else ["step"]
        script.constant("WARMUP_STEPS", schedule.warmup_steps)
        before = "rate" if lines else "LEARNING_RATE"
        lines.append(f"    rate = {before} * min(1.0, (step + 1) / WARMUP_STEPS)")
    if not lines:
        return ""
    head = f"def learning_rate({', '.join(f'{one}: int' for one in takes)}) -> float:"
    words = f'    """The rate of a step, counted from 0, as all is here: {_falls(schedule)}."""'
    script.functions.append("\n".join([head, words, *lines, "    return rate"]))
    return f"learning_rate({', '.join(takes)})"


def _falls(schedule: Any) -> str:
    falls = {
        "constant": "it stays",
        "step": f"it falls in stairs of {getattr(schedule, 'step_size', 0)}",
        "exponential": f"it falls to GAMMA over {getattr(schedule, 'every', 0)}",
        "cosine": "it falls along half a cosine",
    }[schedule.type]
    return f"it climbs first, then {falls}" if schedule.warmup_steps else falls
