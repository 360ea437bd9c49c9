"""What is needed next is made ready while the device computes: a thread takes rows, a stream of its own copies them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Full, Queue
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Begun = TypeVar("Begun")
Made = tuple[T] | BaseException | None  # an item, what went wrong, or the end
Batch = tuple[Tensor, Tensor]

_LOOK_EVERY_S = 0.1


def sent(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Batches of main memory on a CUDA device, in their order, each gathered and copied while others are computed."""
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def send(batch: Batch) -> tuple[Batch, torch.cuda.Event]:
        with torch.cuda.stream(stream):
            inputs, targets = (one.to(device, non_blocking=True) for one in batch)
            return (inputs, targets), stream.record_event()

    def arrive(sent: tuple[Batch, torch.cuda.Event]) -> Batch:
        """Steps wait for the copy on the device; its memory is not used again before they are done with it."""
        batch, copied = sent
        computing = torch.cuda.current_stream(device)
        computing.wait_event(copied)
        for one in batch:
            one.record_stream(computing)
        return batch

    return one_ahead(ahead(map(_pinned, batches)), send, arrive)


def _pinned(batch: Batch) -> Batch:
    inputs, targets = batch
    return inputs.pin_memory(), targets.pin_memory()


def one_ahead(items: Iterable[T], begin: Callable[[T], Begun], end: Callable[[Begun], T]) -> Iterator[T]:
    """Each item begun, and ended in its turn, when the next one has begun."""
    latest: list[Begun] = []
    for item in items:
        latest.append(begin(item))
        if len(latest) > 1:
            yield end(latest.pop(0))
    yield from map(end, latest)


def ahead(items: Iterable[T], count: int = 2) -> Iterator[T]:
    """The same items in the same order, made by a thread, which waits while `count` of them are not taken.

    What goes wrong there is raised here, in its place. The thread ends with this iterator, wherever that is left.
    """
    ready: Queue[Made[T]] = Queue(count)
    is_left = threading.Event()
    thread = threading.Thread(target=_make, args=(items, ready, is_left), name="prefetch", daemon=True)
    thread.start()
    try:
        while (made := ready.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made[0]
    finally:
        is_left.set()
        thread.join()


def _make(items: Iterable[T], ready: "Queue[Made[T]]", is_left: threading.Event) -> None:
    try:
        for item in items:
            _put(ready, (item,), is_left)
            if is_left.is_set():
                return
        _put(ready, None, is_left)
    except BaseException as error:  # whatever it is, it is for the one who waits
        _put(ready, error, is_left)


def _put(ready: "Queue[Made[T]]", made: "Made[T]", is_left: threading.Event) -> None:
    while not is_left.is_set():
        try:
            ready.put(made, timeout=_LOOK_EVERY_S)
            break
        except Full:
            continue
