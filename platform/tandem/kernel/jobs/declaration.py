"""What a job is: a function, its queue, its bounds, and arguments that are ids and nothing else."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Generic, ParamSpec, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from tandem.kernel.doorbell import QUEUES

P = ParamSpec("P")
Plain = str | int | bool | None

_KINDS: Final = (UUID, datetime, date, bool, int, str)
_WORD: Final = re.compile(r"[A-Za-z0-9_.:/@+-]{1,80}")
# A bare run of digits could be a telephone or an identity number.
_NUMBER_OF_A_PERSON: Final = re.compile(r"\+?\d{7,}[Xx]?")
_RESERVED: Final = frozenset({"at", "key", "work"})


class Later(Exception):
    """Raise in a job to be called again after `seconds`, rolled back, without counting a failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NotAnId(TypeError):
    """A job was given something else than an id, a number, a date or a short word."""


@dataclass(frozen=True, eq=False)
class Job(Generic[P]):
    """A declared job. Called, it is the plain function; enqueued, it is a row for a worker."""

    function: Callable[P, None]
    name: str
    queue: str
    timeout_seconds: int
    attempts: int
    outside: bool
    kinds: dict[str, tuple[type, bool]]
    required: frozenset[str]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        self.function(*args, **kwargs)

    def pack(self, args: dict[str, Any]) -> dict[str, Plain]:
        """Arguments as JSON. Raises NotAnId for a wrong, missing, unknown or talkative argument."""
        unknown, missing = args.keys() - self.kinds.keys(), self.required - args.keys()
        if unknown or missing:
            raise NotAnId(f"{self.name}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        return {name: self._packed(name, value) for name, value in args.items()}

    def unpack(self, args: dict[str, Plain]) -> dict[str, Any]:
        """The function's own types from the row's JSON; arguments it no longer takes are left out."""
        return {name: _unpacked(self.kinds[name][0], value) for name, value in args.items() if name in self.kinds}

    def _packed(self, name: str, value: Any) -> Plain:
        kind, optional = self.kinds[name]
        if value is None and optional:
            return None
        # bool is an int and datetime a date to isinstance, never to us.
        if type(value) is not kind and not (kind is UUID and isinstance(value, UUID)):
            raise NotAnId(f"{self.name}: {name} must be {kind.__name__}, not {type(value).__name__}")
        if isinstance(value, str) and (not _WORD.fullmatch(value) or _NUMBER_OF_A_PERSON.fullmatch(value)):
            raise NotAnId(f"{self.name}: {name} must be an id or a short word; texts and people's numbers stay in rows")
        if isinstance(value, datetime):
            return value.isoformat()
        return value if isinstance(value, int | str) else str(value)


def _unpacked(kind: type, value: Plain) -> Any:
    if value is None:
        return None
    if kind is UUID:
        return UUID(str(value))
    if kind is datetime or kind is date:
        return kind.fromisoformat(str(value))
    return value


_declared: dict[str, Job[Any]] = {}


def job(
    *, queue: str, timeout_seconds: int = 60, attempts: int = 8, outside: bool = False
) -> Callable[[Callable[P, None]], Job[P]]:
    """Declare a job, named by its module path.

    It runs as its tenant, in one transaction with its own row's "done": all or nothing, once. With `outside=True`
    (it calls something that cannot roll back) it runs in no transaction, opens its own, and must bear repetition.
    `attempts` counts failures and killed workers; after the last one the row is dead until somebody replays it.
    """
    if queue not in QUEUES:
        raise ValueError(f"no queue is called {queue!r}; there are {', '.join(QUEUES)}")
    if timeout_seconds < 1 or attempts < 1:
        raise ValueError("a job is bounded: timeout_seconds and attempts are at least 1")

    def declare(function: Callable[P, None]) -> Job[P]:
        kinds, required = _parameters(function)
        name = f"{function.__module__}.{function.__qualname__}"
        declared = Job(function, name, queue, timeout_seconds, attempts, outside, kinds, required)
        _declared[name] = declared
        return declared

    return declare


def job_named(name: str) -> Job[Any] | None:
    """The declared job of that name, or None when its module is not imported or it is gone."""
    return _declared.get(name)


def _parameters(function: Callable[..., None]) -> tuple[dict[str, tuple[type, bool]], frozenset[str]]:
    hints = get_type_hints(function)
    parameters = inspect.signature(function).parameters
    if reserved := _RESERVED & parameters.keys():
        raise TypeError(f"{function.__qualname__}: {sorted(reserved)} would collide with enqueue's own arguments")
    kinds = {name: _kind(function, name, hints.get(name)) for name in parameters}
    return kinds, frozenset(name for name, each in parameters.items() if each.default is inspect.Parameter.empty)


def _kind(function: Callable[..., None], name: str, hint: Any) -> tuple[type, bool]:
    options = set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}
    optional = NoneType in options
    options.discard(NoneType)
    kind = options.pop() if len(options) == 1 else None
    if kind not in _KINDS:
        known = ", ".join(each.__name__ for each in _KINDS)
        raise TypeError(f"{function.__qualname__}: {name} must be one of {known}; jobs carry ids only")
    return kind, optional
