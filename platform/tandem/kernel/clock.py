"""The only clock. UTC inside, business days in the tenant's zone, and movable where money is not real.

A running stack moves together: web, workers, scheduler and the Stripe sandbox read one offset file
(`TANDEM_HOME/clock`, seconds), which only exists while the platform runs without live keys.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

BUSINESS_ZONE: Final = "Asia/Shanghai"


class _Hands:
    """Where the clock's hands are: a file shared by processes, or a moment frozen by a test."""

    offset_file: Path | None = None
    read_at_ns: int = -1
    offset: timedelta = timedelta(0)
    frozen: datetime | None = None


_held: ContextVar[timedelta | None] = ContextVar("held_offset", default=None)


def now() -> datetime:
    """The current moment, aware, UTC."""
    if _Hands.frozen is not None:
        return _Hands.frozen
    held = _held.get()
    return datetime.now(UTC) + (_offset() if held is None else held)


def today(zone: str = BUSINESS_ZONE) -> date:
    """The business day in `zone`."""
    return now().astimezone(ZoneInfo(zone)).date()


def day_bounds(day: date, zone: str = BUSINESS_ZONE) -> tuple[datetime, datetime]:
    """The half-open UTC interval [start, end) of a business day."""
    here = ZoneInfo(zone)
    start = datetime.combine(day, time.min, here)
    end = datetime.combine(day + timedelta(days=1), time.min, here)
    return start.astimezone(UTC), end.astimezone(UTC)


def follow(offset_file: Path | None) -> None:
    """Let this process follow the shared offset file; None means real time only."""
    _Hands.offset_file, _Hands.read_at_ns, _Hands.offset = offset_file, -1, timedelta(0)


def move_to(moment: datetime) -> None:
    """Move every process that follows the shared file to `moment`.

    Raises RuntimeError when this process follows no file, which is so wherever live keys are configured.
    """
    if _Hands.offset_file is None:
        raise RuntimeError("this platform's clock cannot be moved")
    seconds = (moment - datetime.now(UTC)).total_seconds()
    fresh = _Hands.offset_file.with_suffix(f".{os.getpid()}")
    fresh.write_text(f"{seconds:.3f}\n")
    fresh.replace(_Hands.offset_file)
    let_go()


def is_movable() -> bool:
    """Whether this process follows a shared offset file."""
    return _Hands.offset_file is not None


def hold() -> None:
    """Let this context see one offset until `let_go`: what a request does happens under one clock, looked at once."""
    _held.set(_offset())


def let_go() -> None:
    """Follow the shared file again, moment by moment."""
    _held.set(None)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at one moment, for a test or a seeded run."""
    before, _Hands.frozen = _Hands.frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _Hands.frozen = before


def _offset() -> timedelta:
    if _Hands.offset_file is None:
        return timedelta(0)
    try:
        changed_at_ns = os.stat(_Hands.offset_file).st_mtime_ns
    except FileNotFoundError:
        return timedelta(0)
    if changed_at_ns != _Hands.read_at_ns:
        _Hands.offset = timedelta(seconds=float(_Hands.offset_file.read_text()))
        _Hands.read_at_ns = changed_at_ns
    return _Hands.offset
