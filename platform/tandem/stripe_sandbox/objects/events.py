"""Events: the record of everything that happened. Source: https://docs.stripe.com/api/events"""

from tandem.stripe_sandbox.books import Books, Record
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.lists import Condition, page


def with_pending(books: Books, event: Json) -> Json:
    """The event with the number of deliveries that have not succeeded yet."""
    row = books.work.db.execute(
        "SELECT count(DISTINCT endpoint) AS pending FROM delivery WHERE event = ? AND state IN ('pending', 'lost')",
        (event["id"],),
    ).fetchone()
    return event | {"pending_webhooks": row["pending"]}


def retrieve(call: Call) -> Json:
    """One event of this account."""
    event: Record = call.books.get("event", call.ids["id"])
    return with_pending(call.books, event.body)


def listing(call: Call) -> Json:
    """Events, newest first, by type and creation."""
    conditions: list[Condition] = []
    wanted = [call.params["type"]] if call.params.get("type") else call.params.get("types")
    if wanted:
        tests = " OR ".join(["json_extract(body, '$.type') GLOB ?"] * len(wanted))
        conditions.append((f"({tests})", tuple(wanted)))
    if call.params.get("delivery_success") is not None:
        undelivered = "EXISTS (SELECT 1 FROM delivery WHERE event = object.id AND state <> 'delivered')"
        conditions.append((f"{'NOT ' if call.params['delivery_success'] else ''}{undelivered}", ()))
    found = page(call.books, "event", call.params, "/v1/events", conditions)
    return found | {"data": [with_pending(call.books, event) for event in found["data"]]}


LIST = p.PAGE | {
    "created": p.instants(),
    "delivery_success": p.boolean(),
    "type": p.text(100),
    "types": p.list_of(p.text(100), most=20),
}

ROUTES = [
    Route("GET", "/v1/events", listing, LIST),
    Route("GET", "/v1/events/{id}", retrieve, p.EXPAND),
]
