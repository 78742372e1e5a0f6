"""Customers. Source: https://docs.stripe.com/api/customers"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import payment_methods
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ResourceMissing
from tandem.stripe_sandbox.wire.lists import matching, page

TOLD = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt")


def create(call: Call) -> Json:
    """Make a customer."""
    body: Json = {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": call.books.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "invoice_prefix": new_id("X", 7)[2:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": call.metadata(),
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    record = call.books.add("customer", body | call.given(*TOLD), stable_key=call.stable_key)
    if call.params.get("payment_method"):
        method = payment_methods.resolve(call.books, call.params["payment_method"])
        method.body["customer"] = record.id
        call.books.save(method)
    _choose_default(call, record)
    call.books.save(record)
    news.tell(call.books, "customer.created", record)
    return record.body


def _choose_default(call: Call, record: Record) -> None:
    settings = call.params.get("invoice_settings") or {}
    chosen = settings.get("default_payment_method")
    if chosen:
        call.books.refer("payment_method", chosen, "invoice_settings[default_payment_method]")
        record.body["invoice_settings"]["default_payment_method"] = chosen


def retrieve(call: Call) -> Json:
    """One customer; a deleted one shows only that it was."""
    return call.books.get("customer", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change what is told of a customer."""
    record = _living(call)
    changes = call.given(*TOLD) | {"metadata": call.metadata(record.body["metadata"])}
    previous = {name: record.body[name] for name, value in changes.items() if record.body[name] != value}
    record.body.update(changes)
    _choose_default(call, record)
    call.books.save(record)
    news.tell(call.books, "customer.updated", record, previous)
    return record.body


def delete(call: Call) -> Json:
    """Delete a customer; the id keeps answering that it is deleted."""
    record = _living(call)
    news.tell(call.books, "customer.deleted", record)
    record.body = {"id": record.id, "object": "customer", "deleted": True}
    call.books.save(record)
    return record.body


def _living(call: Call) -> Record:
    record = call.books.get("customer", call.ids["id"])
    if record.body.get("deleted"):
        raise ResourceMissing.named("customer", record.id)
    return record


def listing(call: Call) -> Json:
    """Customers, newest first, by email and creation."""
    living = ("json_extract(body, '$.deleted') IS NULL", ())
    return page(call.books, "customer", call.params, "/v1/customers", [living, *matching(call.params, "email")])


WRITE = p.EXPAND | {
    "address": payment_methods.ADDRESS,
    "description": p.text(),
    "email": p.text(512),
    "invoice_settings": p.group({"default_payment_method": p.text()}),
    "metadata": p.metadata(),
    "name": p.text(),
    "phone": p.text(20),
    "preferred_locales": p.list_of(p.text(20)),
    "shipping": p.open_hash(),
    "tax_exempt": p.choice("none", "exempt", "reverse"),
}

ROUTES = [
    Route("POST", "/v1/customers", create, WRITE | {"payment_method": p.text()}),
    Route("GET", "/v1/customers", listing, p.PAGE | {"created": p.instants(), "email": p.text(512)}),
    Route("GET", "/v1/customers/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/customers/{id}", update, WRITE),
    Route("DELETE", "/v1/customers/{id}", delete, {}),
]
