"""The sandbox's clock: real time plus an offset that can be moved.

The offset comes from ``PUT /_sandbox/clock`` or, while that file exists, from a file holding a number of
seconds (the platform's own test clock writes one, so that both sides agree what day it is).
"""

import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Tells the sandbox's time; safe to read from any thread."""

    def __init__(self, offset_seconds: float = 0, file: Path | None = None) -> None:
        self._offset = offset_seconds
        self._file = file
        self._file_offset: float | None = None
        self._file_stamp: int | None = None

    @property
    def offset_seconds(self) -> float:
        """How far the sandbox is ahead of real time."""
        if self._file is not None:
            self._read_file(self._file)
        return self._offset if self._file_offset is None else self._file_offset

    def _read_file(self, file: Path) -> None:
        try:
            stamp = file.stat().st_mtime_ns
            if stamp != self._file_stamp:
                self._file_offset = float(file.read_text(encoding="ascii").strip())
                self._file_stamp = stamp
        except FileNotFoundError:
            self._file_offset = self._file_stamp = None
        except (OSError, ValueError):
            # Half-written by its owner: the last whole reading stands until the next look.
            return

    def move_to(self, offset_seconds: float) -> None:
        """Set the offset; without effect while a clock file rules."""
        self._offset = offset_seconds

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int((time.time() + self.offset_seconds) * 1000)

    def now(self) -> int:
        """Seconds since the epoch, as Stripe writes ``created``."""
        return self.now_ms() // 1000

    def reading(self) -> dict[str, str | float]:
        """The clock as the control interface shows it."""
        moment = datetime.fromtimestamp(self.now_ms() / 1000, UTC)
        return {"now": moment.isoformat().replace("+00:00", "Z"), "offset_seconds": self.offset_seconds}
