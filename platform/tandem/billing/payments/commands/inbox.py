"""The webhook inbox: believe the signature, store the bytes, work later. An event is a hint, never a fact."""

import time
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import update

from tandem.billing.payments import queries
from tandem.billing.payments.errors import (
    WebhookDisabled,
    WebhookForged,
    WebhookOutOfTime,
    WebhookUnreadable,
    WebhookWrongMode,
)
from tandem.billing.payments.events import ProviderEventStored
from tandem.billing.payments.models import ProviderEvent
from tandem.billing.payments.signatures import signed_at
from tandem.billing.provider_facts import ProviderHint, hint_from
from tandem.billing.stripe_gateway import is_live, webhook_secrets
from tandem.kernel import clock, outbox, telemetry
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.statements import Statement
from tandem.kernel.tenancy import tenant_id

TOLERANCE_SECONDS: Final = 300
# Two machines' clocks differ a little; a stamp further ahead is somebody keeping a signature for later.
AHEAD_SECONDS: Final = 60
FOLDED_KINDS: Final = frozenset({"payment_intent", "charge", "refund", "dispute", "payout"})
"""Objects that are folded; events about others are stored and left."""
TOLD_OTHERWISE: Final = frozenset({"payment_intent.created", "payment_intent.requires_action", "charge.refunded"})
"""Events of what our own call has just answered, or another event tells better: stored, no need to look."""


def read_webhook(raw: bytes, signature: str) -> ProviderHint:
    """Check a webhook and read what it is about.

    Raises WebhookDisabled, WebhookForged, WebhookOutOfTime, WebhookUnreadable or WebhookWrongMode.
    """
    if not any(webhook_secrets()):
        raise WebhookDisabled
    stamp = signed_at(raw, signature)
    if stamp is None:
        telemetry.count("webhooks_refused", reason="forged")
        raise WebhookForged
    # Age is real time even where the business clock is moved: it guards against a replay, and senders stamp real time.
    age_seconds = time.time() - stamp
    if not -AHEAD_SECONDS <= age_seconds <= TOLERANCE_SECONDS:
        telemetry.count("webhooks_refused", reason="out-of-time")
        raise WebhookOutOfTime
    try:
        hint = hint_from(orjson.loads(raw))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise WebhookUnreadable from None
    if hint.is_live != is_live():
        raise WebhookWrongMode
    return hint


@lru_cache(maxsize=10_000)
def owner_of(account_id: str) -> UUID:
    """Whose account it is. [any] Raises LookupError for an account of nobody we know.

    An account never changes hands (no role may update its row), so each process looks it up once; an error is not
    remembered.
    """
    tenant = queries.tenant_of_account(account_id)
    if tenant is None:
        raise LookupError(account_id)
    return tenant


def receive_event(hint: ProviderHint, raw: bytes, *, is_routable: bool) -> UUID | None:
    """Store an event that came by itself, in a transaction of its own; a job folds it. None when it is a repetition.

    Storing, asking for the job and committing are one statement and one round trip, whichever it is: a provider that
    has been away repeats what it told, and waits for each answer.
    """
    stored = _STORE.alone(_row(hint, raw, is_routable=is_routable))
    if not stored:
        return None
    # A bell too many finds nothing to do; a bell that is lost is rung by the sweeper.
    outbox.ring_for(ProviderEventStored)
    event_id: UUID = stored[0]["id"]
    return event_id


def store_event(hint: ProviderHint, raw: bytes, *, is_routable: bool, is_folded: bool = False) -> UUID | None:
    """Store an event once, in the transaction at hand; a job folds it after the commit. None when it was stored before.

    `is_routable`: its account is the scope's; else it lies with the operator until somebody finds out whose it is.
    `is_folded`: its object was read and folded just now, so there is nothing left to do.
    """
    row = _row(hint, raw, is_routable=is_routable, is_folded=is_folded)
    stored = _STORE.row(row)
    if stored is None:
        return None
    if row["status"] == "received":
        outbox.ring_after_commit(ProviderEventStored)
    event_id: UUID = stored["id"]
    return event_id


def mark_folded(event_id: UUID) -> None:
    """What the event hinted at has been folded."""
    received = update(ProviderEvent).where(
        ProviderEvent.tenant_id == tenant_id(), ProviderEvent.id == event_id, ProviderEvent.status == "received"
    )
    folded = received.values(status="folded", folded_at=clock.now())
    session.execute(folded.execution_options(synchronize_session=False))


def _row(hint: ProviderHint, raw: bytes, *, is_routable: bool, is_folded: bool = False) -> dict[str, Any]:
    event_id, now = new_id(), clock.now()
    status = _status_of(hint, is_routable=is_routable, is_folded=is_folded)
    return {
        "tenant_id": tenant_id(),
        "id": event_id,
        "provider_event_id": hint.id,
        "provider_account_id": hint.account_id,
        "kind": hint.kind,
        "object_kind": hint.object_kind,
        "object_id": hint.object_id,
        "api_version": hint.api_version,
        "status": status,
        "provider_created_at": hint.created_at,
        "received_at": now,
        "folded_at": now if status == "folded" else None,
        "raw": raw,
        "jobs": outbox.asked_by(ProviderEventStored(event_id)) if status == "received" else "[]",
    }


def _status_of(hint: ProviderHint, *, is_routable: bool, is_folded: bool) -> str:
    if not is_routable:
        return "ignored" if hint.account_id is None else "unroutable"
    if hint.object_kind not in FOLDED_KINDS or hint.object_id is None or hint.kind in TOLD_OTHERWISE:
        return "ignored"
    return "folded" if is_folded else "received"


# One statement for an event, its bytes and the job that works it; the second telling of an event writes none of them,
# and waits for nobody.
_STORE: Final = Statement(f"""
WITH stored AS (
    INSERT INTO provider_event (
        tenant_id, id, provider_event_id, provider_account_id, kind, object_kind, object_id, api_version, status,
        provider_created_at, received_at, folded_at)
    VALUES (
        %(tenant_id)s, %(id)s, %(provider_event_id)s, %(provider_account_id)s, %(kind)s, %(object_kind)s,
        %(object_id)s, %(api_version)s, %(status)s, %(provider_created_at)s, %(received_at)s, %(folded_at)s)
    ON CONFLICT (tenant_id, provider_event_id) DO NOTHING
    RETURNING tenant_id, id),
told AS ({outbox.asking_after("stored")})
INSERT INTO provider_event_body (tenant_id, id, raw) SELECT tenant_id, id, %(raw)s FROM stored RETURNING id
""")  # noqa: S608  # words of ours
