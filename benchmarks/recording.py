"""What the platform says to PostgreSQL for one request: every round trip, with what each value stands for.

A value is named after where it comes from: the request, an earlier answer, the clock, a fresh id. So that the bare
handler can say the very same for other requests, and never more or less.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Known:
    """A value of the request, by name."""

    name: str


@dataclass(frozen=True)
class Fresh:
    """An id made for this request; the same number is the same id."""

    number: int


@dataclass(frozen=True)
class Moment:
    """So long after now."""

    after: timedelta


@dataclass(frozen=True)
class Answer:
    """What an earlier round trip brought: its first row's column."""

    step: int
    column: int


@dataclass(frozen=True)
class Words:
    """Text with other values inside."""

    form: str
    values: tuple[Any, ...]


@dataclass
class Step:
    """One round trip."""

    kind: str
    sql: Any = ""
    values: Any = None
    prepare: bool | None = None
    columns: list[str] = field(default_factory=list)
    first_row: Any = field(default=None, repr=False)


@contextmanager
def recorded() -> Iterator[list[Step]]:
    """Every round trip of this thread's psycopg connections inside the block."""
    steps: list[Step] = []
    execute, commit, rollback = psycopg.Cursor.execute, psycopg.Connection.commit, psycopg.Connection.rollback
    fetchone, fetchall = psycopg.Cursor.fetchone, psycopg.Cursor.fetchall
    psycopg.Cursor.execute = _execute(steps, execute)
    psycopg.Connection.commit = _end(steps, "commit", commit)
    psycopg.Connection.rollback = _end(steps, "rollback", rollback)
    try:
        yield steps
    finally:
        psycopg.Cursor.execute = execute
        psycopg.Connection.commit = commit
        psycopg.Connection.rollback = rollback
        psycopg.Cursor.fetchone, psycopg.Cursor.fetchall = fetchone, fetchall


def _execute(steps: list[Step], real: Any) -> Any:
    def execute(cursor: Any, query: Any, params: Any = None, *, prepare: Any = None, **options: Any) -> Any:
        result = real(cursor, query, params, prepare=prepare, **options)
        step = Step("execute", query, params, prepare)
        if cursor.description:
            step.columns = [column.name for column in cursor.description]
            # Looked at without taking it from whoever asked.
            step.first_row = cursor._tx.load_row(0, tuple) if cursor.pgresult.ntuples else None
        steps.append(step)
        return result

    return execute


def _end(steps: list[Step], kind: str, real: Any) -> Any:
    def end(connection: Any) -> Any:
        if connection.info.transaction_status != TransactionStatus.IDLE:
            steps.append(Step(kind))
        return real(connection)

    return end


def named(steps: list[Step], request: dict[str, Any]) -> list[Step]:
    """The same steps with names in place of values. `request` says what the request itself carried."""
    naming = _Naming(request)
    plan = []
    for number, step in enumerate(steps):
        plan.append(
            Step(step.kind, naming.of(step.sql), naming.of(step.values), step.prepare, step.columns),
        )
        naming.heard(number, step.first_row)
    return plan


class _Naming:
    def __init__(self, request: dict[str, Any]) -> None:
        self._now = datetime.now(UTC)
        self._names: dict[Any, Any] = {value: Known(name) for name, value in request.items()}
        self._fresh = 0

    def heard(self, step: int, row: Any) -> None:
        for column, value in enumerate(row or ()):
            if isinstance(value, UUID):
                self._names.setdefault(value, Answer(step, column))

    def of(self, value: Any) -> Any:  # noqa: PLR0911  # one line for each kind of value
        if isinstance(value, dict):
            return {name: self.of(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(each) for each in value]
        if isinstance(value, datetime):
            return Moment(value - self._now)
        if isinstance(value, UUID):
            return self._id(value)
        if isinstance(value, bytes):
            return self._names.get(value, value)
        if isinstance(value, str):
            return self._text(value)
        return value

    def _id(self, value: UUID) -> Any:
        if value not in self._names:
            self._names[value], self._fresh = Fresh(self._fresh), self._fresh + 1
        return self._names[value]

    def _text(self, text: str) -> Any:
        found = _UUID.findall(text)
        if not found:
            return text
        return Words(
            _UUID.sub("{}", text.replace("{", "{{").replace("}", "}}")), tuple(self._id(UUID(i)) for i in found)
        )
