"""What a journal says, as bytes, and how it is chained to the one before: SHA-256 of the standard library alone.

Written so that a hospital can recompute it from an export: compact JSON of strings, integers and nulls, UTF-8.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, islice
from typing import Final
from uuid import UUID

import orjson

from tandem.billing.ledger.drafts import JournalDraft

GENESIS: Final = bytes(32)
_BREAK: Final = orjson.Fragment(b"\n")
_AT_ONCE: Final = 500
_WHOLE_MOMENT: Final = len('"2026-09-01T04:00:00.000000+00:00"')


def written(moment: datetime) -> str:
    """A moment in the one spelling that is hashed: UTC, microseconds, as in 2026-09-01T04:00:00.000000+00:00."""
    # orjson writes the same as isoformat(timespec="microseconds"), several times as fast, but leaves out zeros.
    said = orjson.dumps(moment if moment.tzinfo is UTC else moment.astimezone(UTC)).decode()
    return said[1:-1] if len(said) == _WHOLE_MOMENT else f"{said[1:20]}.000000{said[20:-1]}"


def body_hash(draft: JournalDraft) -> bytes:
    """The hash of all that the draft says; two drafts of one key must agree in it."""
    kind, key, moment, lines, source_type, source_id, currency, correlation_id, rule_version, reverses = draft
    said = [(code, party, amount) for code, amount, party in lines]
    told = (kind, key, currency, written(moment), source_type, str(source_id), rule_version, reverses, correlation_id)
    return body_of((*told, said))


def body_of(told: tuple[object, ...]) -> bytes:
    """The hash of a body from its members in their order, moments as `written`; its lines are the last."""
    # orjson writes as json does, and a UUID as str() does.
    return sha256(orjson.dumps(told)).digest()


def bodies_of(told: Iterable[tuple[object, ...]]) -> list[bytes]:
    """`body_of` for many, spelled some hundred at a time: it is the call that costs, not the letters."""
    told, bodies = iter(told), list[bytes]()
    while some := list(islice(told, _AT_ONCE)):
        # Between two of them a line break, which JSON writes inside no string.
        said = orjson.dumps(list(chain.from_iterable((each, _BREAK) for each in some)))
        bodies += [sha256(body).digest() for body in said[1 : -len(b",\n]")].split(b",\n,")]
    return bodies


def seals_of(previous: bytes, first_seq: int, booked_at: bytes, bodies: Sequence[bytes]) -> list[bytes]:
    """`seal` for a row of journals booked at one moment, from `first_seq` on."""
    seals = []
    for seq, body in enumerate(bodies, start=first_seq):
        previous = sha256(b"%s%d|%s|%s" % (previous, seq, booked_at, body)).digest()
        seals.append(previous)
    return seals


def body_hash_of(
    *,
    kind: str,
    key: str,
    currency: str,
    effective_at: datetime,
    source_type: str,
    source_id: str,
    rule_version: str,
    reverses: UUID | None,
    correlation_id: UUID | None,
    lines: Sequence[tuple[str, UUID | None, int]],
) -> bytes:
    """The same hash from the columns of a booked journal and its entries in order of their line numbers.

    Written with the standard library alone: this is what a hospital recomputes.
    """
    says = [
        kind,
        key,
        currency,
        written(effective_at),
        source_type,
        source_id,
        rule_version,
        _spelled(reverses),
        _spelled(correlation_id),
        [[code, _spelled(party), amount] for code, party, amount in lines],
    ]
    return sha256(json.dumps(says, ensure_ascii=False, separators=(",", ":")).encode()).digest()


def seal(previous: bytes, seq: int, booked_at: bytes, body_sha256: bytes) -> bytes:
    """The hash that chains a journal to its predecessor: change one byte anywhere and every later seal breaks.

    `booked_at` is the moment as `written` spells it.
    """
    return sha256(b"%s%d|%s|%s" % (previous, seq, booked_at, body_sha256)).digest()


def _spelled(value: UUID | None) -> str | None:
    return None if value is None else str(value)
