"""The front desk of the API: who asks, what for, and was it asked before?

A request is authenticated, led to its handler, run in one transaction together with its idempotency record,
and answered with Stripe's headers. Source: https://docs.stripe.com/api/idempotent_requests
"""

import base64
import binascii
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tandem.stripe_sandbox import API_VERSION, misbehaviour
from tandem.stripe_sandbox.books import Books, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.routes import INCLUDED, lead
from tandem.stripe_sandbox.sandbox import Sandbox
from tandem.stripe_sandbox.storage import Json, packed, savepoint
from tandem.stripe_sandbox.wire import parameters
from tandem.stripe_sandbox.wire.errors import (
    AccountInvalid,
    KeyInUse,
    KeyInvalid,
    KeyReused,
    ParameterInvalid,
    StripeError,
)
from tandem.stripe_sandbox.wire.expansion import expand
from tandem.stripe_sandbox.wire.forms import read_form

LONGEST_KEY = 255


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass
class Reply:
    """One HTTP response; a ``cut`` one is never sent, the connection just ends."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def json_reply(status: int, body: Any) -> Reply:
    """A reply of JSON."""
    return Reply(status, packed(body).encode())


class Desk:
    """Answers requests under ``/v1``; safe to use from many threads."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._in_use: set[tuple[str, str]] = set()
        self._in_use_lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """Stripe's answer, an error body included; never raises StripeError."""
        request_id = new_id("req", 14)
        try:
            reply = self._answer(request, request_id)
        except StripeError as refusal:
            reply = json_reply(refusal.status, refusal.body())
        reply.headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION} | reply.headers
        return reply

    def _answer(self, request: Request, request_id: str) -> Reply:
        self._authenticate(request)
        route, ids = lead(request.method, request.path)
        form = read_form(request.query.encode()) | read_form(request.body)
        params = parameters.read(route.shape, form)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise ParameterInvalid(f"Idempotency keys have 1 to {LONGEST_KEY} characters.")
        account = request.headers.get("stripe-account") or self._sandbox.house.platform_account
        guard = self._hold(account, key) if key else nullcontext()
        with guard, self._sandbox.work(request_id, key) as platform:
            books = self._books(platform, account)
            if key is None:
                return self._run(route, Call(books, ids, params))
            return self._run_once(route, Call(books, ids, params), key, _fingerprint(request, form))

    def _authenticate(self, request: Request) -> None:
        told = request.headers.get("authorization", "")
        scheme, _, secret = told.partition(" ")
        if scheme.lower() == "basic":
            try:
                secret = base64.b64decode(secret).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                secret = ""
        if not secret:
            raise KeyInvalid(
                "You did not provide an API key. You need to provide your API key in the Authorization "
                "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        if not hmac.compare_digest(secret.encode(), self._sandbox.house.secret_key.encode()):
            raise KeyInvalid(f"Invalid API Key provided: {secret[:8]}{'*' * 12}{secret[-4:]}")

    def _books(self, platform: Books, account: str) -> Books:
        record = platform.find(account)
        if record is None or record.kind != "account":
            raise AccountInvalid(
                f"The provided key '{self._sandbox.house.secret_key[:8]}***' does not have access to account "
                f"'{account}' (or that account does not exist). Application access may have been revoked.",
                code="account_invalid",
            )
        return platform.of(account)

    @contextmanager
    def _hold(self, account: str, key: str) -> Iterator[None]:
        """Keep a key while its request runs. Raises KeyInUse when another request has it."""
        with self._in_use_lock:
            if (account, key) in self._in_use:
                raise KeyInUse(
                    f"There is currently another in-progress request using this Idempotent Key ({key}). "
                    "Please try again later.",
                    code="idempotency_key_in_use",
                )
            self._in_use.add((account, key))
        try:
            yield
        finally:
            with self._in_use_lock:
                self._in_use.discard((account, key))

    def _run(self, route: Route, call: Call) -> Reply:
        """Do the work; a refusal that keeps its work commits, any other leaves nothing."""
        db = call.books.work.db
        kept: StripeError | None = None
        try:
            with savepoint(db):
                try:
                    body = route.handler(call)
                except StripeError as refusal:
                    if not refusal.keeps_work:
                        raise
                    kept = refusal
                else:
                    body = expand(call.books, body, call.params.get("expand") or [], INCLUDED)
        except StripeError as refusal:
            if refusal.before_work:
                raise
            kept = refusal
        return json_reply(200, body) if kept is None else json_reply(kept.status, kept.body())

    def _run_once(self, route: Route, call: Call, key: str, fingerprint: str) -> Reply:
        """Do the work, or give the answer it had the first time. Raises KeyReused for other work."""
        books = call.books
        row = books.work.db.execute(
            "SELECT * FROM idempotency WHERE account = ? AND key = ?", (books.account, key)
        ).fetchone()
        if row is not None:
            if row["fingerprint"] != fingerprint:
                raise KeyReused(
                    "Keys for idempotent requests can only be used with the same parameters they were first "
                    f"used with. Try using a key other than '{key}' if you meant to execute a different "
                    "request."
                )
            headers = {"Idempotent-Replayed": "true", "Original-Request": row["request_id"]}
            return Reply(row["status"], row["body"], headers={**headers, "Idempotency-Key": key})
        reply = self._run(route, call)
        books.work.db.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (books.account, key, fingerprint, books.now, books.work.request_id, reply.status, reply.body),
        )
        reply.headers["Idempotency-Key"] = key
        reply.cut = reply.status == 200 and _times_out(route, call)
        return reply


def _fingerprint(request: Request, form: Json) -> str:
    told = json.dumps([request.method, request.path, form], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _times_out(route: Route, call: Call) -> bool:
    """Whether the connection ends without an answer although the work is done."""
    key = f"{route.path}:{call.stable_key}"
    if not misbehaviour.strikes(call.books, "timeout_after_work", key):
        return False
    misbehaviour.confess(
        call.books,
        "timeout_after_work",
        f"{route.method} {route.path}",
        key,
        request=call.books.work.request_id,
    )
    return True
