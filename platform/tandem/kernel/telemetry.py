"""What the house says about itself: log lines, metrics, readiness. It never says anything about a person.

Everything in the kernel may import this module; it imports nothing of ours.
"""

import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TextIO

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

# Keys whose value is about a person or opens a door, whatever the value looks like.
_PRIVATE_WORDS = """
address api_key authorization birth_date body card_number cookie csrf_token diagnosis display_name email family_name
full_name given_name id_card id_number login mobile name national_id password patient_name person_name phone
phone_number real_name secret session_token signature token totp totp_secret 姓名 手机 手机号 身份证 身份证号 电话
"""
_PRIVATE_KEYS = frozenset(_PRIVATE_WORDS.split())
# What gives a person away inside any text: mobile number, national id, e-mail, and our own or Stripe's keys.
_PRIVATE_TEXT = re.compile(
    r"(?<![0-9A-Za-z])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])\d{6}(?:18|19|20)\d{9}[0-9Xx](?![0-9A-Za-z])"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b(?:tdm|tds|sk|rk|whsec)_(?:(?:live|test)_)?[A-Za-z0-9]{8,}"
)
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

log: structlog.stdlib.BoundLogger = structlog.get_logger("tandem")


def configure(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Send every log line, ours and the libraries', as one redacted JSON object a line to `stream` (stderr)."""
    shared: list[Processor] = [
        _with_facts,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        faults_without_words,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Lines(stream if stream is not None else sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_render_foreign_arguments, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, _Lines)), handler]
    root.setLevel(level)


class _Lines(logging.StreamHandler[TextIO]):
    """Our handler, told apart from those that others put on the root (a test runner's, for one)."""


def _render_foreign_arguments(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's record carries its traceback outside the event; bring it in so that it is redacted too."""
    record = event.get("_record")
    if record is not None and record.exc_info:
        event["exc_info"] = record.exc_info
        record.exc_info, record.exc_text = None, None
    return event


def faults_without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into class and place. The message stays out: a database error quotes the row."""
    fault = event.pop("exc_info", None)
    if not fault:
        return event
    if isinstance(fault, BaseException):
        error: BaseException | None = fault
    elif isinstance(fault, tuple):
        error = fault[1]
    else:
        error = sys.exc_info()[1]
    if error is not None:
        event["fault"] = [
            {"type": f"{type(link).__module__}.{type(link).__qualname__}", "at": _places(link)}
            for link in _chain(error)
        ]
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(5):
        if link is None:
            return
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{os.path.relpath(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank what may name a person or open a door, under known keys and in the middle of any text."""
    return {key: value if key.startswith("_") else _without_people(key, value) for key, value in event.items()}


def without_people(details: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `details` with everything blanked that may name a person or open a door."""
    return {str(key): _without_people(str(key), value) for key, value in details.items()}


def _without_people(key: str, value: Any) -> Any:
    if key.lower() in _PRIVATE_KEYS:
        return REDACTED
    if isinstance(value, Mapping):
        return {str(inner): _without_people(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_people("", held) for held in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return REDACTED if _PRIVATE_TEXT.fullmatch(str(value)) else value
    return _PRIVATE_TEXT.sub(REDACTED, value if isinstance(value, str) else str(value))


# One variable for all of them, always replaced and never changed: a request binds three and forgets them.
_facts: ContextVar[Mapping[str, str]] = ContextVar("facts", default=MappingProxyType({}))


def _with_facts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**_facts.get(), **event}


@contextmanager
def bound(**facts: str | None) -> Iterator[None]:
    """Put ids (request_id, tenant_id, job_id, actor) on every log line, audit event and job of this block."""
    before = _facts.get()
    bind(**facts)
    try:
        yield
    finally:
        _facts.set(before)


def bind(**facts: str | None) -> None:
    """Like `bound`, until `forget`: for an edge that cannot hold a `with` open (a Flask request)."""
    _facts.set({**_facts.get(), **{key: fact for key, fact in facts.items() if fact is not None}})


def forget() -> None:
    """Drop every bound fact: the next request or job starts clean."""
    _facts.set(MappingProxyType({}))


def fact(name: str) -> str | None:
    """The bound id of that name, or None."""
    return _facts.get().get(name)


_metrics: dict[str, Counter | Gauge | Histogram] = {}
_counters: dict[tuple[str, ...], Counter] = {}
_metrics_lock = threading.Lock()


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to the counter `tandem_<name>_total`. Labels have few values: never an id."""
    # What is counted once is counted again and again: finding a labelled counter costs more than adding to it.
    wanted = (name, *labels.values())
    counter = _counters.get(wanted)
    if counter is None:
        metric = _metric(Counter, name, labels)
        counter = _counters[wanted] = metric.labels(**labels) if labels else metric
    counter.inc(amount)


def observe(name: str, seconds: float, **labels: str) -> None:
    """Add one duration to the histogram `tandem_<name>_seconds`."""
    metric = _metric(Histogram, f"{name}_seconds", labels, buckets=_SECONDS)
    (metric.labels(**labels) if labels else metric).observe(seconds)


def gauge(name: str, value: float, **labels: str) -> None:
    """Set the gauge `tandem_<name>`; with several processes the newest value counts."""
    metric = _metric(Gauge, name, labels, multiprocess_mode="mostrecent")
    (metric.labels(**labels) if labels else metric).set(value)


def _metric(kind: type[Any], name: str, labels: Mapping[str, str], **options: Any) -> Any:
    known = _metrics.get(name)
    if known is None:
        with _metrics_lock:
            known = _metrics.get(name)
            if known is None:
                known = kind(f"tandem_{name}", name.replace("_", " "), tuple(labels), **options)
                _metrics[name] = known
    return known


@contextmanager
def timed(name: str, **labels: str) -> Iterator[None]:
    """Observe how long the block took, whether it ends well or not."""
    began = time.perf_counter()
    try:
        yield
    finally:
        observe(name, time.perf_counter() - began, **labels)


def render_metrics() -> tuple[bytes, str]:
    """The Prometheus page and its content type; of all processes when PROMETHEUS_MULTIPROC_DIR names a folder."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(frozen=True)
class Part:
    """One part of readiness: whether it works, how long the look took, and a number or word about it."""

    ok: bool
    milliseconds: int
    detail: str | None = None


Look = Callable[[], str | None]
_parts: dict[str, Look] = {}


def readiness_part(name: str) -> Callable[[Look], Look]:
    """Register a look at one part; it returns a detail, or raises when the part does not work."""

    def register(look: Look) -> Look:
        _parts[name] = look
        return look

    return register


def readiness(parts: Mapping[str, Look] = _parts) -> dict[str, Part]:
    """Look at every part (database, redis, outbox, unless told others); a failing part is said, never raised."""
    return {name: _looked_at(look) for name, look in parts.items()}


def _looked_at(look: Look) -> Part:
    began = time.perf_counter()
    try:
        detail, ok = look(), True
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a part, the answer is "not ready"
        detail, ok = type(error).__name__, False
    return Part(ok=ok, milliseconds=round((time.perf_counter() - began) * 1000), detail=detail)
