"""Transfers from the platform to connected accounts, and their reversals.

Source: https://docs.stripe.com/api/transfers and https://docs.stripe.com/api/transfer_reversals
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance, connect
from tandem.stripe_sandbox.objects.intent_parameters import check_currency
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, StripeError
from tandem.stripe_sandbox.wire.lists import matching, page, whole_list


def create(call: Call) -> Json:
    """Send platform money to a connected account; from the balance, or bound to one charge's money."""
    books, params = call.books, call.params
    currency = params["currency"].lower()
    check_currency(currency)
    if not books.is_platform:
        raise StripeError("Transfers can only be made by the platform account.", code="transfers_not_allowed")
    books.refer("account", params["destination"], "destination")
    amount, charge, available_on = params.get("amount"), None, books.now
    if params.get("source_transaction"):
        charge = books.refer("charge", params["source_transaction"], "source_transaction")
        amount, available_on = _from_charge(books, charge, amount, currency)
    elif amount is None:
        raise ParameterInvalid("Missing required param: amount.", code="parameter_missing", param="amount")
    else:
        balance.ensure_available(books, amount, currency)
    transfer = connect.move(
        books,
        amount,
        currency,
        params["destination"],
        available_on=available_on,
        source_transaction=charge.id if charge else None,
        transfer_group=params.get("transfer_group") or (f"group_{charge.body['payment_intent']}" if charge else None),
        description=params.get("description"),
        metadata=call.metadata(),
        stable_key=call.stable_key or new_id("tr"),
    )
    return transfer.body


def _from_charge(books: Books, charge: Record, amount: int | None, currency: str) -> tuple[int, int]:
    """How much of a charge a transfer takes, and when it is there. Raises StripeError beyond what is left."""
    body = charge.body
    if body["status"] != "succeeded" or not body["captured"] or body["currency"] != currency:
        raise StripeError(
            "source_transaction must be a captured charge in the transfer's currency.",
            param="source_transaction",
        )
    earlier = books.where("transfer", "json_extract(body, '$.source_transaction') = ?", charge.id)
    left = body["amount_captured"] - sum(transfer.body["amount"] for transfer in earlier)
    wanted = left if amount is None else amount
    if wanted < 1 or wanted > left:
        raise StripeError(
            f"Transfers using this transaction as a source must not exceed the source amount of "
            f"{body['amount_captured']}. (Note: You have {left} left.)",
            param="amount",
        )
    movement = books.find(charge.hidden.get("balance_transaction", ""))
    return wanted, movement.body["available_on"] if movement else balance.day_after(books.now, 2)


def reverse(call: Call) -> Json:
    """Take back all or part of a transfer, as far as the destination's balance goes."""
    transfer = call.books.get("transfer", call.ids["id"])
    amount = call.params.get("amount", transfer.body["amount"] - transfer.body["amount_reversed"])
    there = balance.sums(call.books.of(transfer.body["destination"])).get(transfer.body["currency"], {})
    if 0 < amount <= transfer.body["amount"] - transfer.body["amount_reversed"] and sum(there.values()) < amount:
        raise StripeError(
            "The destination account does not have a sufficient balance for this reversal.", code="balance_insufficient"
        )
    key = call.stable_key or f"{transfer.stable_key}/reversal/{transfer.body['amount_reversed']}"
    return _take_back(call.books, transfer, amount, metadata=call.metadata(), key=key)


def reverse_share(books: Books, charge: Record, refund: Record) -> str | None:
    """Take back from the destination its part of a refunded charge; returns the reversal's id.

    Cumulative like the fee's share: the last refund takes back the whole transfer.
    """
    transfer = books.find(charge.body.get("transfer") or "")
    if transfer is None:
        raise StripeError("Cannot reverse the transfer of a charge that has none.", param="reverse_transfer")
    back = transfer.body["amount"] * charge.body["amount_refunded"] // charge.body["amount"]
    share = back - transfer.body["amount_reversed"]
    if share <= 0:
        return None
    key = f"{refund.stable_key}/transfer_reversal"
    return str(_take_back(books, transfer, share, metadata={}, key=key, refund=refund.id)["id"])


def _take_back(
    books: Books,
    transfer: Record,
    amount: int,
    *,
    metadata: dict[str, str],
    key: str,
    refund: str | None = None,
) -> Json:
    left = transfer.body["amount"] - transfer.body["amount_reversed"]
    if not 0 < amount <= left:
        raise StripeError(
            f"Reversal amount ({amount}) is greater than unreversed amount on transfer ({left})",
            param="amount",
        )
    currency, identifier = transfer.body["currency"], new_id("trr")
    there = books.of(transfer.body["destination"])
    leaving = _payment_refund(there, transfer.body["destination_payment"], amount, key)
    movement = balance.post(
        books, "transfer_refund", amount, currency, identifier, stable_key=f"{key}/balance_transaction"
    )
    body = {
        "id": identifier,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": movement.id,
        "created": books.now,
        "currency": currency,
        "destination_payment_refund": leaving.id,
        "metadata": metadata,
        "source_refund": refund,
        "transfer": transfer.id,
    }
    books.add("transfer_reversal", body, stable_key=key)
    transfer.body["amount_reversed"] += amount
    transfer.body["reversed"] = transfer.body["amount_reversed"] == transfer.body["amount"]
    transfer.body["reversals"]["data"].insert(0, body)
    books.save(transfer)
    news.tell(books, "transfer.reversed", transfer)
    return body


def _payment_refund(there: Books, payment_id: str, amount: int, key: str) -> Record:
    payment = there.get("charge", payment_id)
    identifier = new_id("pyr")
    movement = balance.post(
        there,
        "payment_refund",
        -amount,
        payment.body["currency"],
        identifier,
        stable_key=f"{key}/payment_refund/balance_transaction",
    )
    payment.body["amount_refunded"] += amount
    payment.body["refunded"] = payment.body["amount_refunded"] == payment.body["amount"]
    there.save(payment)
    body = {
        "id": identifier,
        "object": "refund",
        "amount": amount,
        "balance_transaction": movement.id,
        "charge": payment_id,
        "created": there.now,
        "currency": payment.body["currency"],
        "metadata": {},
        "payment_intent": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    return there.add("refund", body, stable_key=f"{key}/payment_refund")


def retrieve(call: Call) -> Json:
    """One transfer."""
    return call.books.get("transfer", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change a transfer's description or metadata."""
    transfer = call.books.get("transfer", call.ids["id"])
    transfer.body |= call.given("description") | {"metadata": call.metadata(transfer.body["metadata"])}
    call.books.save(transfer)
    news.tell(call.books, "transfer.updated", transfer)
    return transfer.body


def listing(call: Call) -> Json:
    """Transfers, newest first."""
    filters = matching(call.params, "destination", "transfer_group")
    return page(call.books, "transfer", call.params, "/v1/transfers", filters)


def reversals(call: Call) -> Json:
    """The reversals of one transfer."""
    transfer = call.books.get("transfer", call.ids["id"])
    return whole_list(transfer.body["reversals"]["data"], f"/v1/transfers/{transfer.id}/reversals")


CREATE = p.EXPAND | {
    "amount": p.integer(least=1),
    "currency": p.text(3).must(),
    "description": p.text(),
    "destination": p.text().must(),
    "metadata": p.metadata(),
    "source_transaction": p.text(),
    "source_type": p.choice("bank_account", "card", "fpx"),
    "transfer_group": p.text(),
}
REVERSE = p.EXPAND | {
    "amount": p.integer(least=1),
    "description": p.text(),
    "metadata": p.metadata(),
    "refund_application_fee": p.boolean(),
}
LIST = p.PAGE | {"created": p.instants(), "destination": p.text(), "transfer_group": p.text()}

ROUTES = [
    Route("POST", "/v1/transfers", create, CREATE),
    Route("GET", "/v1/transfers", listing, LIST),
    Route("GET", "/v1/transfers/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/transfers/{id}", update, p.EXPAND | {"description": p.text(), "metadata": p.metadata()}),
    Route("POST", "/v1/transfers/{id}/reversals", reverse, REVERSE),
    Route("GET", "/v1/transfers/{id}/reversals", reversals, p.PAGE),
]
