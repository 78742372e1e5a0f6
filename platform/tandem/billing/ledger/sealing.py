"""What a journal says, as bytes, and how it is chained to the one before: SHA-256 of the standard library alone.

Written so that a hospital can recompute it from an export: compact JSON of strings, integers and nulls, UTF-8.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from tandem.billing.ledger.drafts import JournalDraft

GENESIS: Final = bytes(32)


def written(moment: datetime) -> str:
    """A moment in the one spelling that is hashed: UTC, microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def body_hash(draft: JournalDraft) -> bytes:
    """The hash of all that the draft says; two drafts of one key must agree in it."""
    return body_hash_of(
        kind=draft.kind,
        key=draft.key,
        currency=draft.currency,
        effective_at=draft.effective_at,
        source_type=draft.source_type,
        source_id=str(draft.source_id),
        rule_version=draft.rule_version,
        reverses=draft.reverses,
        correlation_id=draft.correlation_id,
        lines=[(line.account_code, line.party_id, line.amount_minor) for line in draft.lines],
    )


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
    """The same hash from the columns of a booked journal and its entries in order of their line numbers."""
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


def seal(previous: bytes, seq: int, booked_at: datetime, body_sha256: bytes) -> bytes:
    """The hash that chains a journal to its predecessor: change one byte anywhere and every later seal breaks."""
    return sha256(b"%s%d|%s|%s" % (previous, seq, written(booked_at).encode(), body_sha256)).digest()


def _spelled(value: UUID | None) -> str | None:
    return None if value is None else str(value)
