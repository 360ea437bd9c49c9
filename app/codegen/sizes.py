"""What the rows of a run take, by which they are judged and mixed."""

from math import prod

from app.codegen.writing import Trained
from app.specs.losses import CLASS_LOSSES, ORDERED_LOSSES


def row_bytes(trained: Trained) -> int:
    """What a row takes, or a window that is made."""
    size = 8 if trained.model.takes_integers else 1 if trained.pixels else 4
    if trained.heads:
        target_bytes = sum(4 * head.answer.num_places for head in trained.heads)
    else:
        target_bytes = trained.answer.num_places * _target_bytes(trained)
    return prod(trained.input_shape) * size + target_bytes


def lies_in_files(trained: Trained) -> bool:
    """Whether a run reads its rows from files, for they take more memory than they may; if all of them are used."""
    if trained.spec.data.window is None:
        return trained.num_rows * row_bytes(trained) > trained.data_in_memory_bytes
    size = 8 if trained.model.takes_integers else 4
    row = prod(trained.input_shape[1:]) * size + _target_bytes(trained)
    return trained.num_rows * row > trained.data_in_memory_bytes


def _target_bytes(trained: Trained) -> int:
    if trained.answer.kind in ("image", "mask"):
        return 1
    return 8 if trained.spec.training.loss_type in CLASS_LOSSES | ORDERED_LOSSES else 4
