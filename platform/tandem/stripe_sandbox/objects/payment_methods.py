"""PaymentMethods: cards by test token, Alipay and WeChat Pay.

Source: https://docs.stripe.com/api/payment_methods
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, StripeError
from tandem.stripe_sandbox.wire.lists import matching, page

TYPES = ("card", "alipay", "wechat_pay")
TOKENS = {token.replace("pm_card_", "tok_"): token for token in TEST_CARDS}
NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def shape(books: Books, kind: str, billing: Json, metadata: Json, customer: str | None) -> Json:
    """A new payment method of a type."""
    address = billing.get("address")
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": NO_ADDRESS | (address or {}),
            "email": billing.get("email"),
            "name": billing.get("name"),
            "phone": billing.get("phone"),
            "tax_id": None,
        },
        "created": books.now,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "metadata": metadata,
        "type": kind,
    }


def card_face(token: str) -> Json:
    """The ``card`` hash of a test card."""
    card = TEST_CARDS[token]
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "CN" if token == "pm_card_cn" else "US",  # noqa: S105 - a test card's public name
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{card.last4}{card.brand}",
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def of_token(books: Books, token: str, customer: str | None = None) -> Record:
    """A fresh card for a test token: Stripe, too, makes a new payment method for each use."""
    body = shape(books, "card", {}, {}, customer) | {"card": card_face(token)}
    return books.add("payment_method", body, token=token)


def of_type(books: Books, kind: str, billing: Json | None = None, metadata: Json | None = None) -> Record:
    """A fresh Alipay or WeChat Pay method."""
    body = shape(books, kind, billing or {}, metadata or {}, None) | {kind: {}}
    return books.add("payment_method", body)


def resolve(books: Books, identifier: str, customer: str | None = None) -> Record:
    """The payment method a parameter names: a stored one or a test token. Raises ReferenceMissing."""
    if identifier in TEST_CARDS:
        return of_token(books, identifier, customer)
    return books.refer("payment_method", identifier, "payment_method")


def of_data(books: Books, data: Json, param: str) -> Record:
    """A fresh payment method from ``payment_method_data`` or the body of a create call.

    Raises ParameterInvalid when a card has no test token: raw card numbers are never taken.
    """
    kind = data["type"]
    if kind != "card":
        return of_type(books, kind, data.get("billing_details"), data.get("metadata"))
    token = TOKENS.get((data.get("card") or {}).get("token", ""))
    if token is None:
        raise ParameterInvalid(
            "Sending credit card numbers directly to the API is unsafe. Use a test token such as tok_visa.",
            param=f"{param}[card]" if param else "card",
        )
    record = of_token(books, token)
    record.body["metadata"] = data.get("metadata") or {}
    billing = data.get("billing_details") or {}
    record.body["billing_details"].update({k: v for k, v in billing.items() if k != "address"})
    books.save(record)
    return record


def create(call: Call) -> Json:
    """Make a payment method; it belongs to nobody until attached."""
    return of_data(call.books, call.params, "").body


def retrieve(call: Call) -> Json:
    """One payment method."""
    return call.books.get("payment_method", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change billing details or metadata."""
    record = call.books.get("payment_method", call.ids["id"])
    record.body["metadata"] = call.metadata(record.body["metadata"])
    record.body["billing_details"].update(call.params.get("billing_details") or {})
    call.books.save(record)
    news.tell(call.books, "payment_method.updated", record)
    return record.body


def attach(call: Call) -> Json:
    """Give a payment method to a customer."""
    customer = call.books.refer("customer", call.params["customer"], "customer")
    identifier = call.ids["id"]
    if identifier in TEST_CARDS:
        record = of_token(call.books, identifier)
    else:
        record = call.books.get("payment_method", identifier)
    if record.body["customer"] not in (None, customer.id):
        raise StripeError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    record.body["customer"] = customer.id
    call.books.save(record)
    news.tell(call.books, "payment_method.attached", record)
    return record.body


def detach(call: Call) -> Json:
    """Take a payment method from its customer, for good."""
    record = call.books.get("payment_method", call.ids["id"])
    if record.body["customer"] is None:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            code="payment_method_unexpected_state",
        )
    previous = {"customer": record.body["customer"]}
    record.body["customer"] = None
    call.books.save(record)
    news.tell(call.books, "payment_method.detached", record, previous)
    return record.body


def listing(call: Call) -> Json:
    """A customer's payment methods."""
    conditions = matching(call.params, "customer", "type")
    if "customer" in call.ids:
        call.books.get("customer", call.ids["customer"])
        conditions.append(("json_extract(body, '$.customer') = ?", (call.ids["customer"],)))
        return page(
            call.books,
            "payment_method",
            call.params,
            f"/v1/customers/{call.ids['customer']}/payment_methods",
            conditions,
        )
    return page(call.books, "payment_method", call.params, "/v1/payment_methods", conditions)


ADDRESS = p.group(dict.fromkeys(NO_ADDRESS, p.text()))
BILLING = p.group({"address": ADDRESS, "email": p.text(), "name": p.text(), "phone": p.text()})
DATA = {
    "type": p.choice(*TYPES).must(),
    "card": p.group({"token": p.text()}),
    "alipay": p.open_hash(),
    "wechat_pay": p.open_hash(),
    "billing_details": BILLING,
    "metadata": p.metadata(),
    "allow_redisplay": p.choice("always", "limited", "unspecified"),
}

ROUTES = [
    Route("POST", "/v1/payment_methods", create, p.EXPAND | DATA),
    Route("GET", "/v1/payment_methods", listing, p.PAGE | {"customer": p.text(), "type": p.choice(*TYPES)}),
    Route("GET", "/v1/payment_methods/{id}", retrieve, p.EXPAND),
    Route(
        "POST",
        "/v1/payment_methods/{id}",
        update,
        p.EXPAND | {"billing_details": BILLING, "metadata": p.metadata()},
    ),
    Route("POST", "/v1/payment_methods/{id}/attach", attach, p.EXPAND | {"customer": p.text().must()}),
    Route("POST", "/v1/payment_methods/{id}/detach", detach, p.EXPAND),
    Route("GET", "/v1/customers/{customer}/payment_methods", listing, p.PAGE | {"type": p.choice(*TYPES)}),
]
