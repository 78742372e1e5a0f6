"""Refunds: money given back, in parts until nothing is left. Source: https://docs.stripe.com/api/refunds"""

from tandem.stripe_sandbox import misbehaviour, news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance, charges, platform_fees, transfers
from tandem.stripe_sandbox.objects.fees import written
from tandem.stripe_sandbox.objects.specimens import TEST_CARDS
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import ParameterInvalid, StripeError
from tandem.stripe_sandbox.wire.lists import matching, page


def create(call: Call) -> Json:
    """Give back all or part of a charge. Raises StripeError when there is not so much left of it."""
    books, params = call.books, call.params
    charge = _charge_to_refund(call)
    left = charge.body["amount"] - charge.body["amount_refunded"]
    amount = params.get("amount", left)
    _check(charge, amount, left)
    identifier = new_id("re" if charge.id.startswith("ch_") else "pyr")
    wallet = charge.body["payment_method_details"]["type"] != "card"
    body: Json = {
        "id": identifier,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "created": books.now,
        "currency": charge.body["currency"],
        "destination_details": _destination(charge),
        "metadata": call.metadata(),
        "payment_intent": charge.body["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if wallet else "succeeded",
        "transfer_reversal": None,
    }
    if wallet:
        body["pending_reason"] = "processing"
    key = call.stable_key or f"{charge.stable_key}/refund/{charge.body['amount_refunded']}"
    refund = books.add("refund", body, stable_key=key)
    previous = {name: charge.body[name] for name in ("amount_refunded", "refunded")}
    charge.body["amount_refunded"] += amount
    charge.body["refunded"] = charge.body["amount_refunded"] == charge.body["amount"]
    books.save(charge)
    _move_money(call, charge, refund)
    _schedule_ending(books, charge, refund, wallet=wallet)
    news.tell(books, "refund.created", refund)
    news.tell(books, "charge.refunded", charge, previous)
    return refund.body


def _charge_to_refund(call: Call) -> Record:
    books, params = call.books, call.params
    if params.get("charge"):
        return books.refer("charge", params["charge"], "charge")
    if not params.get("payment_intent"):
        raise ParameterInvalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = books.refer("payment_intent", params["payment_intent"], "payment_intent")
    if intent.body["status"] not in ("succeeded", "requires_capture"):
        raise StripeError(
            f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return books.get("charge", intent.body["latest_charge"])


def _check(charge: Record, amount: int, left: int) -> None:
    body = charge.body
    if body["status"] != "succeeded" or not body["captured"]:
        raise StripeError(
            f"Charge {charge.id} has not been captured and cannot be refunded; cancel its PaymentIntent.",
            param="charge",
        )
    if body["disputed"]:
        raise StripeError(f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if left == 0:
        raise StripeError(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise StripeError(
            f"Refund amount ({written(amount, body['currency'])}) is greater than unrefunded amount on "
            f"charge ({written(left, body['currency'])})",
            param="amount",
        )


def _destination(charge: Record) -> Json:
    kind = charge.body["payment_method_details"]["type"]
    if kind != "card":
        return {"type": kind, kind: {}}
    return {
        "type": "card",
        "card": {
            "reference": "7412000000000000",
            "reference_status": "available",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        },
    }


def _move_money(call: Call, charge: Record, refund: Record) -> None:
    """The movement of the refund; the provider keeps its fee, the platform gives its own back if asked."""
    books, amount = call.books, refund.body["amount"]
    fee_lines = []
    if call.params.get("refund_application_fee"):
        fee_lines = platform_fees.return_share(books, charge, amount)
    if call.params.get("reverse_transfer"):
        refund.body["transfer_reversal"] = transfers.reverse_share(books, charge, refund)
    taken = books.find(charge.hidden.get("balance_transaction", ""))
    key = f"{refund.stable_key}/balance_transaction"
    withheld = misbehaviour.strikes(books, "omit_balance_transaction", key)
    movement = balance.post(
        books,
        "refund" if refund.id.startswith("re_") else "payment_refund",
        -amount,
        refund.body["currency"],
        refund.id,
        fee_details=fee_lines,
        available_on=max(books.now, taken.body["available_on"]) if taken else None,
        description=f"REFUND FOR CHARGE ({charge.body['description'] or charge.id})",
        withheld=withheld,
        stable_key=key,
    )
    if withheld:
        charges.confess_omission(books, movement, refund, key)
        books.save(refund)
    else:
        charges.show_movement(books, refund, movement, tell=False)


def _schedule_ending(books: Books, charge: Record, refund: Record, *, wallet: bool) -> None:
    card = TEST_CARDS.get(charge.hidden.get("token") or "")
    if card and card.refund_fails:
        books.schedule("fail_refund", refund.id, books.now + books.work.house.settle_seconds)
    elif wallet:
        books.schedule("finish_refund", refund.id, books.now + books.work.house.settle_seconds)


def finish(books: Books, refund: Record) -> None:
    """The wallet confirmed that the money went back."""
    if refund.body["status"] != "pending":
        return
    refund.body["status"] = "succeeded"
    refund.body.pop("pending_reason", None)
    books.save(refund)
    news.tell(books, "refund.updated", refund, {"status": "pending"})
    news.tell(books, "charge.refund.updated", refund, {"status": "pending"})


def fail(books: Books, refund: Record, reason: str = "lost_or_stolen_card") -> None:
    """The money came back: the refund failed and the account has its sum again."""
    if refund.body["status"] in ("failed", "canceled"):
        return
    was = refund.body["status"]
    movement = balance.post(
        books,
        "refund_failure" if refund.id.startswith("re_") else "payment_failure_refund",
        refund.body["amount"],
        refund.body["currency"],
        refund.id,
        description="REFUND FAILURE",
        stable_key=f"{refund.stable_key}/failure_balance_transaction",
    )
    refund.body |= {
        "status": "failed",
        "failure_reason": reason,
        "failure_balance_transaction": movement.id,
    }
    refund.body.pop("pending_reason", None)
    books.save(refund)
    charge = books.get("charge", refund.body["charge"])
    charge.body["amount_refunded"] -= refund.body["amount"]
    charge.body["refunded"] = False
    books.save(charge)
    for event_type in ("refund.failed", "refund.updated", "charge.refund.updated"):
        news.tell(books, event_type, refund, {"status": was})


def retrieve(call: Call) -> Json:
    """One refund."""
    return call.books.get("refund", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change a refund's metadata, the only thing that can be."""
    refund = call.books.get("refund", call.ids["id"])
    previous = {"metadata": refund.body["metadata"]}
    refund.body["metadata"] = call.metadata(refund.body["metadata"])
    call.books.save(refund)
    news.tell(call.books, "refund.updated", refund, previous)
    return refund.body


def listing(call: Call) -> Json:
    """Refunds, newest first."""
    return page(call.books, "refund", call.params, "/v1/refunds", matching(call.params, "charge", "payment_intent"))


CREATE = p.EXPAND | {
    "amount": p.integer(least=1),
    "charge": p.text(),
    "metadata": p.metadata(),
    "payment_intent": p.text(),
    "reason": p.choice("duplicate", "fraudulent", "requested_by_customer"),
    "refund_application_fee": p.boolean(),
    "reverse_transfer": p.boolean(),
}
LIST = p.PAGE | {"charge": p.text(), "created": p.instants(), "payment_intent": p.text()}

ROUTES = [
    Route("POST", "/v1/refunds", create, CREATE),
    Route("GET", "/v1/refunds", listing, LIST),
    Route("GET", "/v1/refunds/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/refunds/{id}", update, p.EXPAND | {"metadata": p.metadata()}),
]
