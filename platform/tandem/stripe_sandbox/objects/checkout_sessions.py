"""Checkout Sessions: a page of the provider where a person pays, then comes back.

Source: https://docs.stripe.com/api/checkout/sessions
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import intent_parameters, payment_intents, payment_methods, payments
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, StripeError
from tandem.stripe_sandbox.wire.lists import matching, page, whole_list

LASTS_SECONDS = 24 * 3600
SHORTEST_SECONDS = 30 * 60
UNSAID: Json = dict.fromkeys(
    (
        "after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret", "consent",
        "consent_collection", "currency_conversion", "customer_details", "invoice", "invoice_creation",
        "payment_intent", "payment_link", "recovered_from", "setup_intent", "shipping_address_collection",
        "shipping_cost", "subscription",
    )
) | {
    "adaptive_pricing": {"enabled": False},
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
    "payment_method_options": {},
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
}  # fmt: skip
"""What a session of the sandbox has nothing to say about."""


def create(call: Call) -> Json:
    """Open a session for one payment; its ``url`` is where the person goes."""
    books, params = call.books, call.params
    items = [_line_item(books, item) for item in params["line_items"]]
    currencies = {item["currency"] for item in items}
    if len(currencies) != 1:
        raise ParameterInvalid("All line items must have the same currency.", param="line_items")
    currency, total = currencies.pop(), sum(item["amount_total"] for item in items)
    types = intent_parameters.method_choice(params)["payment_method_types"]
    intent_parameters.check_money(total, currency, types)
    if params.get("customer"):
        books.refer("customer", params["customer"], "customer")
    identifier = new_id("cs_test", 40)
    body = _shape(call, identifier, currency, total, types)
    record = books.add(
        "checkout.session",
        body,
        stable_key=call.stable_key,
        line_items=items,
        intent=params.get("payment_intent_data") or {},
    )
    books.schedule("expire_session", record.id, body["expires_at"])
    return body


def _shape(call: Call, identifier: str, currency: str, total: int, types: list[str]) -> Json:
    books, params = call.books, call.params
    expires_at = params.get("expires_at", books.now + LASTS_SECONDS)
    if not books.now + SHORTEST_SECONDS <= expires_at <= books.now + LASTS_SECONDS:
        raise ParameterInvalid(
            "The `expires_at` timestamp must be 30 minutes to 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return UNSAID | {
        "id": identifier,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": books.now,
        "currency": currency,
        "customer": params.get("customer"),
        "customer_creation": "if_required",
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": call.metadata(),
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_types": types,
        "payment_status": "unpaid",
        "status": "open",
        "submit_type": params.get("submit_type"),
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{books.work.house.base_url}/checkout/{books.account}/{identifier}",
    }


def _line_item(books: Books, told: Json) -> Json:
    price, quantity = told["price_data"], told.get("quantity", 1)
    currency = price["currency"].lower()
    intent_parameters.check_currency(currency)
    total = price["unit_amount"] * quantity
    name = price["product_data"]["name"]
    return {
        "id": new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": name,
        "price": {
            "id": new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": books.now,
            "currency": currency,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": new_id("prod", 14),
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": quantity,
    }


def line_items_of(books: Books, session: Json) -> Json:
    """A session's line items as the list that ``expand[]=line_items`` shows."""
    record = books.get("checkout.session", session["id"])
    return whole_list(record.hidden["line_items"], f"/v1/checkout/sessions/{record.id}/line_items")


def complete(books: Books, session: Record, method_name: str) -> Json:
    """The person pressed Pay. Raises CardError when their card is declined; the session stays open.

    ``method_name``: a test card such as ``pm_card_visa``, or ``alipay`` or ``wechat_pay``.
    """
    if session.body["status"] != "open":
        raise StripeError(f"This Checkout Session is {session.body['status']}.")
    if method_name in ("alipay", "wechat_pay"):
        method = payment_methods.of_type(books, method_name)
    else:
        method = payment_methods.resolve(books, method_name)
    if method.body["type"] not in session.body["payment_method_types"]:
        raise ParameterInvalid("This session does not take that payment method.", param="payment_method")
    intent = _intent(books, session)
    intent.body["payment_method"] = method.id
    if "token" in method.hidden:
        payments.confirm(books, intent, method, refuse_action=False)
        if intent.body["status"] == "requires_action":
            payments.answer(books, intent, agreed=True)
    else:
        payments.succeed(books, intent, method)
    session.body |= {
        "payment_intent": intent.id,
        "payment_status": "paid",
        "status": "complete",
        "url": None,
        "customer_details": {
            "address": payment_methods.NO_ADDRESS,
            "email": session.body["customer_email"],
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
    books.save(session)
    news.tell(books, "checkout.session.completed", session)
    return session.body


def _intent(books: Books, session: Record) -> Record:
    told = session.hidden["intent"]
    body = session.body
    given = {name: told[name] for name in intent_parameters.TOLD if name in told}
    given |= {"payment_method_types": body["payment_method_types"], "customer": body["customer"]}
    return payment_intents.open_intent(
        books,
        body["amount_total"],
        body["currency"],
        given | {"metadata": told.get("metadata") or {}, "automatic_payment_methods": None},
        stable_key=f"{session.stable_key}/payment_intent",
    )


def expire(call: Call) -> Json:
    """Close an open session unpaid."""
    session = call.books.get("checkout.session", call.ids["id"])
    if session.body["status"] != "open":
        raise StripeError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of {session.body['status']}.",
        )
    _close(call.books, session)
    return session.body


def expire_when_due(books: Books, session: Record) -> None:
    """Time is up."""
    if session.body["status"] == "open":
        _close(books, session)


def _close(books: Books, session: Record) -> None:
    session.body |= {"status": "expired", "url": None}
    books.save(session)
    news.tell(books, "checkout.session.expired", session)


def retrieve(call: Call) -> Json:
    """One session."""
    return call.books.get("checkout.session", call.ids["id"]).body


def listing(call: Call) -> Json:
    """Sessions, newest first."""
    filters = matching(call.params, "customer", "payment_intent", "status")
    return page(call.books, "checkout.session", call.params, "/v1/checkout/sessions", filters)


def line_items(call: Call) -> Json:
    """The line items of one session."""
    return line_items_of(call.books, call.books.get("checkout.session", call.ids["id"]).body)


_PRICE = {
    "currency": p.text(3).must(),
    "product_data": p.group({"name": p.text(250).must(), "description": p.text(), "metadata": p.metadata()}).must(),
    "unit_amount": p.integer(least=0, most=99_999_999).must(),
}
_ITEM = p.group({"price_data": p.group(_PRICE).must(), "quantity": p.integer(least=1, most=999_999)})
CREATE = p.EXPAND | {
    "cancel_url": p.text(),
    "client_reference_id": p.text(200),
    "customer": p.text(),
    "customer_email": p.text(512),
    "expires_at": p.integer(least=0),
    "line_items": p.list_of(_ITEM).must(),
    "locale": p.text(10),
    "metadata": p.metadata(),
    "mode": p.choice("payment").must(),
    "payment_intent_data": p.group(
        {
            name: intent_parameters.CREATE[name]
            for name in (*intent_parameters.TOLD, "metadata")
            if name not in ("allowed_payment_method_types", "customer", "payment_method_options")
        }
    ),
    "allowed_payment_method_types": p.list_of(p.choice(*payment_methods.TYPES)),
    "payment_method_types": intent_parameters.NO_LONGER,
    "submit_type": p.choice("auto", "book", "donate", "pay"),
    "success_url": p.text().must(),
    "ui_mode": p.choice("hosted_page"),
}
LIST = p.PAGE | {
    "created": p.instants(),
    "customer": p.text(),
    "payment_intent": p.text(),
    "status": p.choice("open", "complete", "expired"),
}

ROUTES = [
    Route("POST", "/v1/checkout/sessions", create, CREATE),
    Route("GET", "/v1/checkout/sessions", listing, LIST),
    Route("GET", "/v1/checkout/sessions/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/checkout/sessions/{id}/expire", expire, p.EXPAND),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", line_items, p.PAGE),
]
