"""One SQLite file, one writer: every request is one transaction, and what was answered survives a kill.

WAL with ``synchronous=NORMAL``: a commit is in the operating system's hands before the answer leaves, so
killing the process loses nothing acknowledged (only a power cut could).
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Row = sqlite3.Row

COLUMNS = "account, kind, id, created, withheld, body, hidden"

FACTS = {
    "money_currency": "json_extract(body, '$.currency')",
    "money_available_on": "json_extract(body, '$.available_on')",
    "money_net": "json_extract(body, '$.net')",
    "money_payout": "json_extract(hidden, '$.payout')",
}
"""What sums over balance transactions read from the index instead of parsing every object."""

OBJECTS = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, created INTEGER NOT NULL,
    withheld INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL, hidden TEXT NOT NULL,
    UNIQUE (id, account)
);
"""
SCHEMA = """
CREATE INDEX IF NOT EXISTS object_page ON object (account, kind, created, seq);
CREATE INDEX IF NOT EXISTS object_by_intent ON object (account, kind, json_extract(body, '$.payment_intent'))
    WHERE json_extract(body, '$.payment_intent') IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_by_charge ON object (account, kind, json_extract(body, '$.charge'))
    WHERE json_extract(body, '$.charge') IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_by_customer ON object (account, kind, json_extract(body, '$.customer'))
    WHERE json_extract(body, '$.customer') IS NOT NULL;
CREATE INDEX IF NOT EXISTS money_by_source ON object (account, json_extract(body, '$.source'))
    WHERE kind = 'balance_transaction';
DROP INDEX IF EXISTS money_by_day;
DROP INDEX IF EXISTS money_by_payout;
CREATE INDEX IF NOT EXISTS money_at_hand ON object
    (account, withheld, money_currency, money_available_on, money_net, money_payout)
    WHERE kind = 'balance_transaction';
CREATE INDEX IF NOT EXISTS money_paid_out ON object (account, money_payout) WHERE money_payout IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, at INTEGER NOT NULL,
    request_id TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agenda (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due INTEGER NOT NULL, task TEXT NOT NULL, account TEXT NOT NULL, object TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS agenda_due ON agenda (due, seq);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up', 'lost')),
    answer TEXT
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_ms, seq) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS misdeed (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL,
    kind TEXT NOT NULL, account TEXT NOT NULL, object TEXT NOT NULL, at INTEGER NOT NULL,
    details TEXT NOT NULL, amended_at INTEGER
);
CREATE INDEX IF NOT EXISTS misdeed_order ON misdeed (seq);
CREATE INDEX IF NOT EXISTS misdeed_kind ON misdeed (kind, object);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
TABLES = ("object", "idempotency", "agenda", "delivery", "misdeed", "setting")


class Storage:
    """The file and its single connection; ``transaction()`` is the only way in."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(
            folder / "stripe.sqlite3", isolation_level=None, check_same_thread=False, timeout=10
        )
        self._connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "cache_size=-2000",
            "temp_store=MEMORY",
            "wal_autocheckpoint=2000",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(OBJECTS)
        self._add_facts()
        self._connection.executescript(SCHEMA)

    def _add_facts(self) -> None:
        there = {row["name"] for row in self._connection.execute("PRAGMA table_xinfo(object)")}
        for name, expression in FACTS.items():
            if name not in there:
                money = f"CASE kind WHEN 'balance_transaction' THEN {expression} END"
                self._connection.execute(f"ALTER TABLE object ADD COLUMN {name} AS ({money}) VIRTUAL")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One turn at the file: commits on leaving, rolls back on any exception."""
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Wait for the running transaction, then let go of the file."""
        with self._turn:
            self._connection.close()


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """Undo what the block wrote, and only that, when it raises."""
    db.execute("SAVEPOINT attempt")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK TO attempt")
        db.execute("RELEASE attempt")
        raise
    db.execute("RELEASE attempt")


def packed(value: Any) -> str:
    """JSON text as it is stored and sent."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_setting(db: sqlite3.Connection, name: str) -> Any:
    """A remembered setting, or None."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return json.loads(row["value"]) if row else None


def write_setting(db: sqlite3.Connection, name: str, value: Any) -> None:
    """Remember a setting over restarts."""
    db.execute(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, packed(value)),
    )


def forget_everything(db: sqlite3.Connection) -> None:
    """Empty every table; the file stays."""
    for table in TABLES:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the constants above
