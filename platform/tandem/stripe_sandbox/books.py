"""One account's objects inside one transaction, behind that account's wall.

Every handler works on a ``Books``: what it adds, finds and lists belongs to one account, and another
account's object is as missing as one that never was. ``Books.of`` crosses over where Stripe itself does
(an application fee is the platform's, a transfer arrives at a connected account).
"""

import json
import secrets
import sqlite3
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tandem.stripe_sandbox.storage import COLUMNS, Json, Row, packed
from tandem.stripe_sandbox.wire.errors import ReferenceMissing, ResourceMissing

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class House:
    """What does not change while the process runs."""

    secret_key: str
    base_url: str
    platform_account: str = "acct_1TandemSandbox00"
    settle_seconds: int = 0


@dataclass
class Work:
    """One transaction under way: where, when, on whose request."""

    db: sqlite3.Connection
    house: House
    now: int
    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass
class Record:
    """One stored object: what the world sees, and what only the sandbox knows."""

    account: str
    kind: str
    id: str
    created: int
    body: Json
    hidden: Json = field(default_factory=dict)
    withheld: bool = False

    @property
    def stable_key(self) -> str:
        """A name for this object that the same story gives it in every run, whatever the order of arrival."""
        return str(self.hidden.get("stable_key") or self.id)


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh identifier in Stripe's form, e.g. ``pi_3Q…``."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Books:
    """One account's objects."""

    def __init__(self, work: Work, account: str) -> None:
        self.work = work
        self.account = account

    @property
    def now(self) -> int:
        """The sandbox's time in seconds."""
        return self.work.now

    @property
    def is_platform(self) -> bool:
        """Whether these are the platform's own books."""
        return self.account == self.work.house.platform_account

    def of(self, account: str) -> "Books":
        """Another account's books, in the same transaction."""
        return Books(self.work, account)

    def platform(self) -> "Books":
        """The platform's books, in the same transaction."""
        return self.of(self.work.house.platform_account)

    def add(self, kind: str, body: Json, *, withheld: bool = False, **hidden: Any) -> Record:
        """Store a new object; its id is in the body, its time is now unless the body says."""
        record = Record(self.account, kind, body["id"], body.get("created", self.now), body, hidden, withheld)
        self.work.db.execute(
            "INSERT INTO object (account, kind, id, created, withheld, body, hidden) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.account,
                kind,
                record.id,
                record.created,
                withheld,
                packed(body),
                packed(hidden),
            ),
        )
        return record

    def save(self, record: Record) -> None:
        """Write back a changed object."""
        self.work.db.execute(
            "UPDATE object SET withheld = ?, body = ?, hidden = ? WHERE account = ? AND id = ?",
            (record.withheld, packed(record.body), packed(record.hidden), record.account, record.id),
        )

    def remove(self, record: Record) -> None:
        """Delete an object that Stripe really deletes (customers keep a tombstone of their own)."""
        self.work.db.execute("DELETE FROM object WHERE account = ? AND id = ?", (record.account, record.id))

    def find(self, identifier: str) -> Record | None:
        """The object of this id, whatever its kind."""
        row = self.work.db.execute(
            "SELECT account, kind, id, created, withheld, body, hidden FROM object WHERE account = ? AND id = ?",
            (self.account, identifier),
        ).fetchone()
        return as_record(row) if row else None

    def get(self, kind: str, identifier: str, param: str = "id") -> Record:
        """The object the URL names. Raises ResourceMissing; withheld objects are missing too."""
        record = self.find(identifier)
        if record is None or record.kind != kind or record.withheld:
            raise ResourceMissing.named(spoken(kind), identifier, param)
        return record

    def refer(self, kind: str, identifier: str, param: str) -> Record:
        """The object a parameter names. Raises ReferenceMissing."""
        record = self.find(identifier)
        if record is None or record.kind != kind or record.withheld:
            raise ReferenceMissing(f"No such {spoken(kind)}: '{identifier}'", code="resource_missing", param=param)
        return record

    def where(self, kind: str, condition: str, *values: Any) -> Iterator[Record]:
        """Objects of a kind in order of arrival; the condition is SQL written in this package only."""
        rows = self.work.db.execute(
            f"SELECT {COLUMNS} FROM object WHERE account = ? AND kind = ? AND ({condition}) ORDER BY seq",  # noqa: S608 - conditions are literals of this package, values are bound
            (self.account, kind, *values),
        ).fetchall()
        return (as_record(row) for row in rows)

    def schedule(self, task: str, identifier: str, due: int) -> None:
        """Put something on the agenda: ``task`` is done to the object when the clock passes ``due``."""
        self.work.db.execute(
            "INSERT INTO agenda (due, task, account, object) VALUES (?, ?, ?, ?)",
            (due, task, self.account, identifier),
        )


def as_record(row: Row) -> Record:
    """The object of one table row."""
    return Record(
        account=row["account"],
        kind=row["kind"],
        id=row["id"],
        created=row["created"],
        body=json.loads(row["body"]),
        hidden=json.loads(row["hidden"]),
        withheld=bool(row["withheld"]),
    )


def spoken(kind: str) -> str:
    """A kind as Stripe's error messages call it."""
    return {"payment_method": "PaymentMethod", "checkout.session": "checkout.session"}.get(kind, kind)
