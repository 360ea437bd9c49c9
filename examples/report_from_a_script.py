"""A training of your own, reported: `TRAINDECK_TOKEN=… python examples/report_from_a_script.py`.

Logistic regression on two clouds of points, in plain Python: nothing but the `traindeck` folder is needed.
"""

import math
import random

import traindeck

CONFIG = {"lr": 0.05, "num_epochs": 40, "seed": 0}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def main() -> None:
    random.seed(CONFIG["seed"])
    rows = [(random.gauss(label, 1), random.gauss(-label, 1), label) for label in (0, 1) for _ in range(100)]
    w1 = w2 = bias = 0.0
    with traindeck.init("two clouds", project="examples", config=CONFIG) as run:
        for epoch in range(int(CONFIG["num_epochs"])):
            random.shuffle(rows)
            loss, num_right = 0.0, 0
            for x, y, label in rows:
                p = sigmoid(w1 * x + w2 * y + bias)
                loss -= math.log(p if label else 1 - p) / len(rows)
                num_right += (p > 0.5) == bool(label)
                slope = CONFIG["lr"] * (label - p)
                w1, w2, bias = w1 + slope * x, w2 + slope * y, bias + slope
            run.log({"train/loss": loss, "train/accuracy": num_right / len(rows)}, step=epoch)
        run.log_text(f"learned: {w1:.2f} x + {w2:.2f} y + {bias:.2f}")
    print(f"see it at {run.url}")  # noqa: T201


if __name__ == "__main__":
    main()
