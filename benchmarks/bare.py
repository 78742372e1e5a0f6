"""The physical limit: a WSGI function on psycopg that says the same SQL in the same round trips, and nothing else.

It reads the token, the path and the body as far as the SQL needs them, keeps one connection per thread, and writes
JSON. No framework, no schema, no rights, no headers, no metrics, no encryption: what is between it and the platform
is what the platform costs.
"""

import os
import pickle
import threading
from base64 import b32decode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import orjson
import psycopg
from psycopg.rows import tuple_row
from uuid_utils.compat import uuid7

from benchmarks.recording import Answer, Fresh, Known, Moment, Step, Words
from tandem.kernel.ids import NAMESPACE

_PLANS: dict[str, list[Step]] = pickle.loads(Path(os.environ["BENCHMARK_PLANS"]).read_bytes())
_URL = os.environ["BENCHMARK_URL"]
_here = threading.local()
_SHOWN = [
    "id",
    "status",
    "slot_id",
    "service_id",
    "practitioner_id",
    "patient_id",
    "specialty",
    "start_at",
    "end_at",
    "accepts_advice_only",
    "held_until",
    "payment_id",
    "created_at",
    "ended_at",
    "ended_by",
    "ended_because",
]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The two handlers: GET is a list, POST a booking."""
    facts = _facts(environ)
    plan = environ["REQUEST_METHOD"] + environ["PATH_INFO"].split("/")[2]
    body = _answered(_PLANS[plan], facts)
    status = "201 Created" if environ["REQUEST_METHOD"] == "POST" else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _facts(environ: dict[str, Any]) -> dict[str, Any]:
    path = environ["PATH_INFO"].split("/")
    facts: dict[str, Any] = {"hospital": UUID(path[5])}
    token = environ.get("HTTP_AUTHORIZATION")
    if token:
        rest = token.rpartition("_")[2].upper()
        raw = b32decode(rest + "=" * (-len(rest) % 8))
        facts["person"], facts["secret_hash"] = UUID(bytes=raw[:16]), sha256(raw).digest()
    if len(path) > 7:
        facts["service"] = UUID(path[7])
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        facts["slot"] = UUID(orjson.loads(body)["slot_id"])
        facts["body_sha256"] = sha256(environ["PATH_INFO"].encode() + b"?\x00" + body).digest()
        facts["key"] = uuid5(NAMESPACE, environ["HTTP_IDEMPOTENCY_KEY"])
    return facts


def _answered(plan: list[Step], facts: dict[str, Any]) -> bytes:
    connection = _connection()
    asked = _Asked(facts)
    reply: Any = None
    for step in plan:
        if step.kind != "execute":
            getattr(connection, step.kind)()
            asked.rows.append([])
            continue
        cursor = connection.execute(asked.value(step.sql), asked.value(step.values), prepare=step.prepare)
        rows = cursor.fetchall() if step.columns else []
        asked.rows.append(rows)
        if "held_until" in step.columns:
            reply = _appointment(dict(zip(step.columns, rows[0], strict=True)))
        elif "start_at" in step.columns and reply is None:
            listed = [dict(zip(step.columns, row, strict=True)) for row in rows[:20]]
            after = [listed[-1]["start_at"], listed[-1]["id"]] if len(rows) > 20 else None
            reply = {"data": listed, "has_more": after is not None, "next": after}
    return orjson.dumps(reply)


def _appointment(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in _SHOWN}
    return shown | {"price": {"amount_minor": row["price_minor"], "currency": row["currency"]}}


class _Asked:
    """One request's values, by their names."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts, self._now = facts, datetime.now(UTC)
        self._fresh: dict[int, UUID] = {}
        self.rows: list[Any] = []

    def value(self, named: Any) -> Any:  # noqa: PLR0911  # one line for each kind of value
        kind = type(named)
        if kind is dict:
            return {name: self.value(each) for name, each in named.items()}
        if kind is list:
            return [self.value(each) for each in named]
        if kind is Known:
            return self._facts[named.name]
        if kind is Answer:
            return self.rows[named.step][0][named.column]
        if kind is Fresh:
            if named.number not in self._fresh:
                self._fresh[named.number] = uuid7()
            return self._fresh[named.number]
        if kind is Moment:
            return self._now + named.after
        if kind is Words:
            return named.form.format(*map(self.value, named.values))
        return named


def _connection() -> psycopg.Connection[Any]:
    if not hasattr(_here, "connection"):
        _here.connection = psycopg.connect(_URL, autocommit=True, options="-c timezone=UTC", row_factory=tuple_row)
    found: psycopg.Connection[Any] = _here.connection
    return found
