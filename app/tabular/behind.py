"""Work that is done behind another's back: in turn, by one thread, and never far behind."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

_MAX_PENDING = 8


class Behind:
    """One thread for things that take their time without holding the interpreter: hashing, writing.

    What goes wrong there is raised by one of the next calls. The thread ends with the block; what has not begun by
    then is dropped where the block ends in an exception, and has been done where `wait` was called.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=error is not None)

    def do(self, act: Callable[[bytes], None], data: bytes) -> None:
        """Do this after all that was given before. Waits where too much is pending."""
        while len(self._pending) >= _MAX_PENDING:
            self._pending.popleft().result()
        self._pending.append(self._thread.submit(act, data))

    def wait(self) -> None:
        """Until all is done."""
        while self._pending:
            self._pending.popleft().result()
