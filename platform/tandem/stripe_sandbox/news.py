"""Telling the world: every change becomes an event, and every event a delivery to who listens."""

import copy

from tandem.stripe_sandbox import API_VERSION, misbehaviour
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.storage import Json

OWN, CONNECTED, BOTH = "own", "connected", "both"


def tell(books: Books, event_type: str, record: Record, previous: Json | None = None) -> Record:
    """Record an event about an object as it is now, and queue its deliveries.

    ``previous``: the attributes that changed, with the values they had before (``*.updated`` events).
    """
    data: Json = {"object": copy.deepcopy(record.body)}
    if previous is not None:
        data["previous_attributes"] = previous
    body: Json = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": books.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": books.work.request_id, "idempotency_key": books.work.idempotency_key},
        "type": event_type,
    }
    if not books.is_platform:
        body["account"] = books.account
    listeners = [endpoint for endpoint in _endpoints(books) if _hears(endpoint, books, event_type)]
    body["pending_webhooks"] = len(listeners)
    event = books.add("event", body, stable_key=f"{record.stable_key}:{event_type}")
    for endpoint in listeners:
        _queue(books, event, endpoint)
    return event


def _endpoints(books: Books) -> list[Record]:
    return list(books.platform().where("webhook_endpoint", "json_extract(body, '$.status') = 'enabled'"))


def _hears(endpoint: Record, books: Books, event_type: str) -> bool:
    side = OWN if books.is_platform else CONNECTED
    wanted = endpoint.body["enabled_events"]
    return endpoint.hidden["hears"] in (side, BOTH) and ("*" in wanted or event_type in wanted)


def _queue(books: Books, event: Record, endpoint: Record) -> None:
    """Queue one delivery, with whatever is to go wrong with it."""
    now_ms = books.now * 1000
    told = misbehaviour.settings(books)
    key = event.stable_key
    about = {"event": event.body["type"], "about": event.body["data"]["object"].get("id")}

    if misbehaviour.strikes(books, "lose_webhook", key):
        misbehaviour.confess(books, "lose_webhook", event.id, key, **about)
        _add_delivery(books, event, endpoint, now_ms, state="lost")
        return
    due_ms = now_ms
    for kind in ("delay_webhook", "reorder_webhook"):
        if misbehaviour.strikes(books, kind, key):
            due_ms += told[f"{kind}_seconds"] * 1000
            misbehaviour.confess(books, kind, event.id, key, due=due_ms // 1000, **about)
    _add_delivery(books, event, endpoint, due_ms)
    if misbehaviour.strikes(books, "duplicate_webhook", key):
        misbehaviour.confess(books, "duplicate_webhook", event.id, key, **about)
        _add_delivery(books, event, endpoint, due_ms)


def _add_delivery(books: Books, event: Record, endpoint: Record, due_ms: int, state: str = "pending") -> None:
    books.work.db.execute(
        "INSERT INTO delivery (account, event, endpoint, due_ms, state) VALUES (?, ?, ?, ?, ?)",
        (books.account, event.id, endpoint.id, due_ms, state),
    )
