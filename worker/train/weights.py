"""Files of weights, read as what they are: tensors by name. Nothing in them is ever run."""

from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from app.errors import JobFailure


def read(path: Path, what: str) -> dict[str, Tensor]:
    """The tensors of a file. Raises JobFailure, which calls it `what`."""
    try:
        return safetensors.torch.load_file(path)
    except FileNotFoundError as error:
        raise JobFailure("weights_gone", f"{what} are gone from the data folder.") from error
    except (SafetensorError, OSError) as error:
        raise unreadable(what, str(error)) from error


def unreadable(what: str, why: str) -> JobFailure:
    """The failure of a run whose weights cannot be read."""
    return JobFailure("unreadable_weights", f"{what} cannot be read: {why}.", "Check the file, and send it again.")
