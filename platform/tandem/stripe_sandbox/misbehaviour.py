"""What the sandbox is told to do wrong, decided by seed, and confessed.

A decision depends on the seed, the kind of misdeed and the object's stable key (``metadata.tandem_story``,
else ``metadata.tandem_key``, else the idempotency key it was made with, else its parent's), never on the order
of arrival: the same seed over the same story does the same wrongs, however many threads tell it. A wrong fee is
wrong by a fixed sum, so that even a counted misdeed, which takes whoever comes first, adds up the same.
"""

import hashlib
import json
from typing import Any

from tandem.stripe_sandbox.books import Books, new_id
from tandem.stripe_sandbox.storage import Json, Row, packed, read_setting, write_setting
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, ResourceMissing

KINDS = (
    "duplicate_webhook",
    "delay_webhook",
    "reorder_webhook",
    "lose_webhook",
    "timeout_after_work",
    "charge_different_fee",
    "omit_balance_transaction",
    "fail_payout_after_paid",
)
MEASURES = {
    "charge_different_fee_minor": 30,
    "delay_webhook_seconds": 30,
    "omit_balance_transaction_seconds": 0,
    "reorder_webhook_seconds": 3,
}
"""How far a misdeed goes: minor units too much, or sandbox seconds; an omission of 0 lasts until it is amended."""


def configure(books: Books, wanted: Any) -> Json:
    """Replace the settings: per kind a probability from 0 to 1, ``{"count": n}`` for the next n occasions, or
    ``{"count_each": n}`` for the next n of every account.

    Raises ParameterInvalid for anything else.
    """
    if not isinstance(wanted, dict):
        raise ParameterInvalid("Misbehaviour is told as a JSON object.")
    for name, value in wanted.items():
        if name == "seed" or name in MEASURES:
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ParameterInvalid(f"{name} must be a whole number from 0.", param=name)
        elif name not in KINDS:
            known = ", ".join(("seed", *KINDS, *MEASURES))
            raise ParameterInvalid(f"Unknown misbehaviour: {name}. Known: {known}.", param=name)
        elif not (_is_probability(value) or _is_count(value)):
            raise ParameterInvalid(f'{name} must be a probability from 0 to 1, or {{"count": n}}.', param=name)
    write_setting(books.work.db, "misbehaviour", wanted)
    return settings(books)


def settings(books: Books) -> Json:
    """The settings in force, every kind named."""
    told = read_setting(books.work.db, "misbehaviour") or {}
    return {"seed": 0, **dict.fromkeys(KINDS, 0), **MEASURES, **told}


def _is_probability(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_count(value: Any) -> bool:
    one = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
    count = one[1] if one[0] in {"count", "count_each"} else None
    return isinstance(count, int) and not isinstance(count, bool) and count >= 0


def chance(seed: int, kind: str, stable_key: str) -> float:
    """A number in [0, 1) that only these three decide."""
    digest = hashlib.sha256(f"{seed}\x1f{kind}\x1f{stable_key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def strikes(books: Books, kind: str, stable_key: str) -> bool:
    """Whether this misdeed is done to this object; a count is used up by saying yes."""
    told = read_setting(books.work.db, "misbehaviour") or {}
    setting = told.get(kind, 0)
    if isinstance(setting, dict) and "count_each" in setting:
        struck = setting.get("struck", {})
        if struck.get(books.account, 0) >= setting["count_each"]:
            return False
        struck |= {books.account: struck.get(books.account, 0) + 1}
        write_setting(books.work.db, "misbehaviour", told | {kind: setting | {"struck": struck}})
        return True
    if isinstance(setting, dict):
        if setting["count"] <= 0:
            return False
        write_setting(books.work.db, "misbehaviour", told | {kind: {"count": setting["count"] - 1}})
        return True
    return bool(setting) and chance(told.get("seed", 0), kind, stable_key) < setting


def confess(books: Books, kind: str, object_id: str, stable_key: str, **details: Any) -> str:
    """Write a misdeed down so that a demonstration can check that it was found; returns its id."""
    identifier = new_id("misdeed", 16)
    books.work.db.execute(
        "INSERT INTO misdeed (id, seq, kind, account, object, at, details)"
        " VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM misdeed), ?, ?, ?, ?, ?)",
        (
            identifier,
            kind,
            books.account,
            object_id,
            books.now,
            packed({"stable_key": stable_key, **details}),
        ),
    )
    return identifier


def misdeeds(books: Books, kind: str | None = None) -> list[Json]:
    """Everything done wrong so far, oldest first, over all accounts."""
    rows = books.work.db.execute("SELECT * FROM misdeed WHERE ?1 IS NULL OR kind = ?1 ORDER BY seq", (kind,)).fetchall()
    return [_shown(row) for row in rows]


def misdeed(books: Books, identifier: str) -> Json:
    """One misdeed. Raises ResourceMissing."""
    row = books.work.db.execute("SELECT * FROM misdeed WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise ResourceMissing.named("misdeed", identifier)
    return _shown(row)


def mark_amended(books: Books, kind: str, object_id: str) -> None:
    """Note when a misdeed was made good."""
    books.work.db.execute(
        "UPDATE misdeed SET amended_at = ? WHERE kind = ? AND object = ? AND amended_at IS NULL",
        (books.now, kind, object_id),
    )


def _shown(row: Row) -> Json:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "account": row["account"],
        "object": row["object"],
        "at": row["at"],
        "amended_at": row["amended_at"],
        **json.loads(row["details"]),
    }
