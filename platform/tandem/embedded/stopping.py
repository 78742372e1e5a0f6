"""Being asked to stop, as a fact that is looked up between two steps and never an exception in the middle of one."""

import contextlib
import os
import select
import signal
from types import FrameType
from typing import Final, Self

_ASKING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """While entered, Ctrl-C, TERM and a closed terminal set `asked`; a second one ends this process at once.

    Ending at once is safe: the leash then stops everybody in the same order.
    """

    def __init__(self) -> None:
        self.asked = False
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._ask) for number in _ASKING}
        # A child that ends must wake us too; the handler has nothing else to do.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float) -> bool:
        """Sleep so long, less if a child ends. Whether we have been asked to stop."""
        if not self.asked and select.select([self._reader], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 4096)
        return self.asked

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            os._exit(128 + number)
        self.asked = True
