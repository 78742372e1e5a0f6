"""Charges: the attempts to take money that a PaymentIntent makes.

Source: https://docs.stripe.com/api/charges. Since API 2024-04-10 an automatically captured charge has no
balance transaction at first; it arrives later and is told by ``charge.updated``.
"""

from tandem.stripe_sandbox import misbehaviour, news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance, connect
from tandem.stripe_sandbox.objects.fees import TARIFFS
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS, TestCard
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.lists import matching, page, whole_list

AUTHORIZED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 24,
    "seller_message": "Payment complete.",
    "type": "authorized",
}
COPIED_FROM_INTENT = (
    "customer", "description", "on_behalf_of", "receipt_email", "shipping", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group", "application_fee_amount",
)  # fmt: skip


def attempt(books: Books, intent: Record, method: Record, *, captured: bool, refusal: TestCard | None = None) -> Record:
    """Try to take the intent's money: a charge that succeeded (or is authorised), or one that failed."""
    amount = intent.body["amount"]
    attempts = intent.hidden.get("attempts", 0) + 1
    intent.hidden["attempts"] = attempts
    identifier = new_id("ch" if method.body["type"] == "card" else "py")
    body: Json = {
        "id": identifier,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured and not refusal else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "balance_transaction": None,
        "billing_details": method.body["billing_details"],
        "calculated_statement_descriptor": "TANDEM SANDBOX",
        "captured": captured and not refusal,
        "created": books.now,
        "currency": intent.body["currency"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": refusal.error_code if refusal else None,
        "failure_message": refusal.message if refusal else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent.body["metadata"]),
        "outcome": _refused(refusal) if refusal else AUTHORIZED,
        "paid": refusal is None,
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": _details(books, method, amount, captured=captured),
        "radar_options": {},
        "receipt_number": None,
        "receipt_url": None if refusal else f"{books.work.house.base_url}/receipts/{identifier}",
        "refunded": False,
        "review": None,
        "source": None,
        "source_transfer": None,
        "status": "failed" if refusal else "succeeded",
    } | {name: intent.body[name] for name in COPIED_FROM_INTENT}
    key = f"{intent.stable_key}/charge" + (f"/{attempts}" if attempts > 1 else "")
    charge = books.add("charge", body, stable_key=key, token=method.hidden.get("token"))
    intent.body["latest_charge"] = charge.id
    return charge


def _refused(card: TestCard) -> Json:
    return AUTHORIZED | {
        "network_decline_code": "01",
        "network_status": "declined_by_network",
        "reason": card.decline_code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _details(books: Books, method: Record, amount: int, *, captured: bool) -> Json:
    kind = method.body["type"]
    if kind != "card":
        own: Json = {"transaction_id": new_id("trade", 20)[6:], "fingerprint": None}
        own |= {"buyer_id": "2088" + "0" * 12} if kind == "alipay" else {"location": None, "reader": None}
        return {"type": kind, kind: own}
    face = method.body["card"]
    copied = (
        "brand",
        "checks",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "wallet",
    )
    own = {name: face[name] for name in copied} | {
        "amount_authorized": amount,
        "authorization_code": "482916",
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": face["brand"],
        "network_token": {"used": False},
        "network_transaction_id": "104482916035711",
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
    }
    if not captured:
        own["capture_before"] = books.now + 7 * balance.DAY
    return {"type": "card", "card": own}


def settle(books: Books, charge: Record, *, tell: bool) -> None:
    """Give a captured charge its balance transaction, with the fee of its method, or with a wrong one."""
    details = _fees(books, charge)
    card = TEST_CARDS.get(charge.hidden.get("token") or "")
    tariff = TARIFFS[charge.body["payment_method_details"]["type"]]
    days = 0 if card and card.available_at_once else tariff.settles_in_days
    key = f"{charge.stable_key}/balance_transaction"
    withheld = misbehaviour.strikes(books, "omit_balance_transaction", key)
    movement = balance.post(
        books,
        "charge" if charge.id.startswith("ch_") else "payment",
        charge.body["amount"],
        charge.body["currency"],
        charge.id,
        fee_details=details,
        available_on=balance.day_after(books.now, days),
        description=charge.body["description"],
        withheld=withheld,
        stable_key=key,
    )
    charge.hidden["balance_transaction"] = movement.id
    connect.collect_application_fee(books, charge)
    if withheld:
        confess_omission(books, movement, charge, key)
        books.save(charge)
    else:
        show_movement(books, charge, movement, tell=tell)


def _fees(books: Books, charge: Record) -> list[Json]:
    """The fee lines: the provider's own by tariff (on what was captured), and the platform's if agreed."""
    body = charge.body
    kept = body["amount_captured"]
    right = TARIFFS[body["payment_method_details"]["type"]].fee(kept, body["currency"])
    key = f"{charge.stable_key}/balance_transaction"
    taken = right
    if misbehaviour.strikes(books, "charge_different_fee", key):
        taken = right + misbehaviour.settings(books)["charge_different_fee_minor"]
        misbehaviour.confess(
            books,
            "charge_different_fee",
            charge.id,
            key,
            currency=body["currency"],
            fee_due_minor=right,
            fee_taken_minor=taken,
        )
    details = [balance.stripe_fee(taken, body["currency"])]
    if body["application_fee_amount"] and not books.is_platform:
        details.append(connect.application_fee_line(books, body))
    return details


def confess_omission(books: Books, movement: Record, source: Record, key: str) -> None:
    """Write down that a balance transaction is being kept back, and when it will come of itself, if ever."""
    misbehaviour.confess(
        books,
        "omit_balance_transaction",
        movement.id,
        key,
        source=source.id,
        amount_minor=movement.body["amount"],
        fee_minor=movement.body["fee"],
        net_minor=movement.body["net"],
        currency=movement.body["currency"],
    )
    seconds = misbehaviour.settings(books)["omit_balance_transaction_seconds"]
    if seconds:
        books.schedule("release_movement", movement.id, books.now + seconds)


def show_movement(books: Books, source: Record, movement: Record, *, tell: bool = True) -> None:
    """Write a balance transaction on the charge or refund it belongs to, and tell of it."""
    source.body["balance_transaction"] = movement.id
    books.save(source)
    if tell:
        kind = "charge.updated" if source.kind == "charge" else "refund.updated"
        news.tell(books, kind, source, {"balance_transaction": None})


def retrieve(call: Call) -> Json:
    """One charge."""
    return call.books.get("charge", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change description, metadata, receipt email or transfer group."""
    record = call.books.get("charge", call.ids["id"])
    changes = call.given("description", "receipt_email", "shipping", "transfer_group")
    changes |= {"metadata": call.metadata(record.body["metadata"])}
    previous = {name: record.body[name] for name, value in changes.items() if record.body[name] != value}
    record.body.update(changes)
    call.books.save(record)
    news.tell(call.books, "charge.updated", record, previous)
    return record.body


def listing(call: Call) -> Json:
    """Charges, newest first."""
    filters = matching(call.params, "customer", "payment_intent", "transfer_group")
    return page(call.books, "charge", call.params, "/v1/charges", filters)


def refunds_of(books: Books, charge: Json) -> Json:
    """A charge's refunds as the list that ``expand[]=refunds`` shows."""
    refunds = [record.body for record in books.where("refund", "json_extract(body, '$.charge') = ?", charge["id"])]
    return whole_list(refunds[::-1][:10], f"/v1/charges/{charge['id']}/refunds", has_more=len(refunds) > 10)


LIST = p.PAGE | {
    "created": p.instants(),
    "customer": p.text(),
    "payment_intent": p.text(),
    "transfer_group": p.text(),
}
UPDATE = p.EXPAND | {
    "description": p.text(),
    "metadata": p.metadata(),
    "receipt_email": p.text(),
    "shipping": p.open_hash(),
    "transfer_group": p.text(),
}
ROUTES = [
    Route("GET", "/v1/charges", listing, LIST),
    Route("GET", "/v1/charges/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/charges/{id}", update, UPDATE),
]
