"""The courier: signs events and brings them to their endpoints until they are taken.

At least once, at most a few at a time, with growing pauses for three days; what was answered with 2xx is
written down, so a killed sandbox brings again only what nobody acknowledged.
Source: https://docs.stripe.com/webhooks#retries and https://docs.stripe.com/webhooks#verify-manually
"""

import hashlib
import hmac
import http.client
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from urllib.parse import urlsplit

from tandem.stripe_sandbox.books import Books
from tandem.stripe_sandbox.objects.events import with_pending
from tandem.stripe_sandbox.sandbox import Sandbox
from tandem.stripe_sandbox.storage import Row, packed

AT_ONCE = 4
ANSWER_WITHIN_SECONDS = 10
PAUSES_SECONDS = (1, 5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
"""How long after each failed attempt the next one is due; after the last the event is given up."""


@dataclass(frozen=True)
class Parcel:
    """One attempt to deliver one event."""

    seq: int
    attempts: int
    url: str
    secrets: tuple[str, ...]
    payload: bytes


def signature(payload: bytes, secrets: tuple[str, ...], moment: int) -> str:
    """The ``Stripe-Signature`` header: one v1 HMAC per secret in force."""
    signed = f"{moment}.".encode() + payload
    marks = [f"v1={hmac.new(s.encode(), signed, hashlib.sha256).hexdigest()}" for s in secrets]
    return ",".join([f"t={moment}", *marks])


def carry(parcel: Parcel) -> str:
    """Bring one parcel; returns ``200``-like status or what went wrong."""
    address = urlsplit(parcel.url)
    connection_class = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connection_class(address.hostname or "", address.port, timeout=ANSWER_WITHIN_SECONDS)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        # The receiver judges freshness by its machine's clock, so the stamp is real time, not sandbox time.
        "Stripe-Signature": signature(parcel.payload, parcel.secrets, int(time.time())),
    }
    try:
        connection.request("POST", target, parcel.payload, headers)
        return str(connection.getresponse().status)
    except (OSError, ValueError, http.client.HTTPException) as trouble:
        return f"{type(trouble).__name__}: {trouble}"[:200]
    finally:
        connection.close()


class Courier(threading.Thread):
    """The background thread that delivers, and that lets time pass when nobody asks."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(name="courier", daemon=True)
        self._sandbox = sandbox
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery")
        self._bell = threading.Event()
        self._stopped = False
        self._under_way: dict[int, Future[None]] = {}
        self._round = threading.Lock()

    def ring(self) -> None:
        """There may be something to deliver."""
        self._bell.set()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopped = True
        self._bell.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self) -> None:
        """Deliver what is due, then sleep until the bell or the next second."""
        while not self._stopped:
            self._bell.clear()
            try:
                sent = self.send_due()
            except Exception:  # noqa: BLE001 - the courier outlives any single round; news waits for the next
                if not self._stopped:  # a pool that was shut down refuses work, which is no news
                    traceback.print_exc()
                sent = 0
            if sent:
                self._wait_for_one()
            else:
                self._bell.wait(0.5)

    def send_due(self) -> int:
        """Start an attempt for every delivery that is due and not under way; returns how many."""
        with self._round:
            self._under_way = {seq: f for seq, f in self._under_way.items() if not f.done()}
            free = AT_ONCE * 4 - len(self._under_way)
            if free <= 0:
                return len(self._under_way)
            parcels = self._pick(free)
            for parcel in parcels:
                self._under_way[parcel.seq] = self._pool.submit(self._deliver, parcel)
            return len(parcels)

    def flush(self, *, include_future: bool, patience_seconds: float = 45) -> None:
        """Deliver everything due now and wait for it; with ``include_future`` nothing stays delayed.

        Gives up waiting, not delivering, after ``patience_seconds``.
        """
        deadline = time.monotonic() + patience_seconds
        if include_future:
            with self._sandbox.work() as books:
                books.work.db.execute(
                    "UPDATE delivery SET due_ms = ?1 WHERE state = 'pending' AND due_ms > ?1",
                    (books.now * 1000,),
                )
        while time.monotonic() < deadline and (self.send_due() or self._under_way):
            self._wait_for_one()

    def wait_until_idle(self) -> None:
        """Wait for the attempts that are under way, without starting others."""
        with self._round:
            wait(self._under_way.values(), timeout=ANSWER_WITHIN_SECONDS)

    def _wait_for_one(self) -> None:
        under_way = [future for future in list(self._under_way.values()) if not future.done()]
        if under_way:
            wait(under_way, timeout=1, return_when=FIRST_COMPLETED)

    def _pick(self, most: int) -> list[Parcel]:
        with self._sandbox.work() as books:
            db = books.work.db
            rows = db.execute(
                "SELECT * FROM delivery WHERE state = 'pending' AND due_ms <= ? ORDER BY due_ms, seq LIMIT ?",
                (self._sandbox.clock.now_ms(), most + len(self._under_way)),
            ).fetchall()
            parcels: list[Parcel] = []
            for row in rows:
                if row["seq"] in self._under_way or len(parcels) == most:
                    continue
                parcel = self._parcel(books, row["seq"], row["attempts"], row)
                if parcel is None:
                    db.execute("UPDATE delivery SET state = 'given_up' WHERE seq = ?", (row["seq"],))
                else:
                    parcels.append(parcel)
            return parcels

    def _parcel(self, books: Books, seq: int, attempts: int, row: Row) -> Parcel | None:
        endpoint = books.find(row["endpoint"])
        event = books.of(row["account"]).find(row["event"])
        if endpoint is None or event is None or endpoint.body["status"] != "enabled":
            return None
        held = endpoint.hidden["secrets"]
        secrets = tuple(s["secret"] for s in held if s["until"] is None or s["until"] > books.now)
        payload = packed(with_pending(books, event.body)).encode()
        return Parcel(seq, attempts, endpoint.body["url"], secrets, payload)

    def _deliver(self, parcel: Parcel) -> None:
        answer = carry(parcel)
        with self._sandbox.storage.transaction() as db:
            if answer.startswith("2") and len(answer) == 3:
                state, due_ms = "delivered", self._sandbox.clock.now_ms()
            elif parcel.attempts >= len(PAUSES_SECONDS):
                state, due_ms = "given_up", self._sandbox.clock.now_ms()
            else:
                state = "pending"
                due_ms = self._sandbox.clock.now_ms() + PAUSES_SECONDS[parcel.attempts] * 1000
            db.execute(
                "UPDATE delivery SET attempts = attempts + 1, state = ?, due_ms = ?, answer = ?"
                " WHERE seq = ? AND state = 'pending'",
                (state, due_ms, answer, parcel.seq),
            )
