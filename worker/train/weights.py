"""Weights that others have left, read as what they are: tensors by name. Nothing in a file is ever run."""

import pickle
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from app.errors import JobFailure
from worker.nn.backbone import vision_models

_WITHIN = ("state_dict", "model")  # where a training's own file keeps them
_SILENT_S = 30.0  # of the hub, until it is given up
# As torchvision's first vision transformers called the layers of their blocks; their weights still do.
_OLD_NAMES = re.compile(r"(?<=\.mlp\.)linear_([12])(?=\.)")


def read(path: Path, what: str, format: str = "safetensors") -> dict[str, Tensor]:
    """The tensors of a file. Raises JobFailure, which calls it `what`."""
    try:
        if format == "safetensors":
            return safetensors.torch.load_file(path)
        return _tensors_of(torch.load(path, map_location="cpu", weights_only=True), what)
    except FileNotFoundError as error:
        raise JobFailure("weights_gone", f"{what} are gone from the data folder.") from error
    except (MemoryError, JobFailure):
        raise
    except Exception as error:  # of a broken file, the reader of pickles may raise anything
        raise _not_read(what, error) from error


def _not_read(what: str, error: Exception) -> JobFailure:
    """The failure that says why: torch refuses each global, a class or function, that tensors do not need."""
    if not isinstance(error, pickle.UnpicklingError):
        return _unreadable(what, f"{type(error).__name__}: {error}".partition("\n")[0])
    if "global" not in str(error).lower():
        return _unreadable(what, "it is broken")  # torch's own words advise to run whatever is in it
    return JobFailure(
        "unsafe_weights",
        f"{what} are not read: the file holds more than tensors, which could be code.",
        "Save the state_dict alone, best as safetensors.",
    )


def _tensors_of(found: Any, what: str) -> dict[str, Tensor]:
    """Those of a state_dict, or of the one in what a training has saved."""
    for name in _WITHIN:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or not any(isinstance(one, Tensor) for one in found.values()):
        raise _unreadable(what, "there are no tensors by name in it")
    return {str(name): one for name, one in found.items() if isinstance(one, Tensor)}


def named_today(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under the names that torchvision's modules have now. One trained in parallel was called module."""
    plain = {name.removeprefix("module."): one for name, one in tensors.items()}
    return {_OLD_NAMES.sub(lambda found: {"1": "0", "2": "3"}[found[1]], name): one for name, one in plain.items()}


def _unreadable(what: str, why: str) -> JobFailure:
    return JobFailure("unreadable_weights", f"{what} cannot be read: {why}.", "Check the file, and send it again.")


def hub_url(architecture: str) -> str:
    """Where torchvision keeps its best weights of a network."""
    return str(vision_models().get_model_weights(architecture).DEFAULT.url)


def fetch(url: str, folder: Path) -> dict[str, Tensor]:
    """The tensors of a file on the hub, kept in `folder` and held to the hash in its name. Raises JobFailure."""
    try:
        with _impatient():
            found = torch.hub.load_state_dict_from_url(
                url, str(folder), map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
    except pickle.UnpicklingError as error:
        raise _not_read(f"The weights at {url}", error) from error
    except (OSError, RuntimeError) as error:  # no way there, no such file, another hash
        raise JobFailure(
            "hub_failed",
            f"The weights at {url} could not be fetched: {getattr(error, 'reason', error)}.",
            "The worker needs a way there. Or fetch the file elsewhere, send it to POST /weights, and name its id.",
            details={"url": url},
        ) from error
    return _tensors_of(found, f"The weights at {url}")


@contextmanager
def _impatient() -> Iterator[None]:
    """A host that does not answer is not waited for without end."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
