"""Payouts: the balance on its way to the bank.

An automatic payout pays out a known set of movements, which can be listed by ``payout`` once
``reconciliation_status`` is completed; a manual one is only a sum. A payout may fail after it was paid.
Source: https://docs.stripe.com/payouts and https://docs.stripe.com/api/payouts
"""

from tandem.stripe_sandbox import misbehaviour, news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance
from tandem.stripe_sandbox.objects.intent_parameters import check_currency
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import StripeError
from tandem.stripe_sandbox.wire.lists import matching, page

ARRIVES_AFTER_DAYS = 1
FAILS_AFTER_DAYS = 1


def _open(
    books: Books, identifier: str, amount: int, currency: str, key: str, *, automatic: bool, told: Json
) -> Record:
    movement = balance.post(
        books,
        "payout",
        -amount,
        currency,
        identifier,
        description=told.get("description") or "STRIPE PAYOUT",
        stable_key=f"{key}/balance_transaction",
    )
    arrival = balance.day_after(books.now, ARRIVES_AFTER_DAYS)
    body = {
        "id": identifier,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival,
        "automatic": automatic,
        "balance_transaction": movement.id,
        "created": books.now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": f"ba_{books.account[5:]}",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit" if automatic else "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    } | told
    payout = books.add("payout", body, stable_key=key)
    if automatic:
        books.schedule("reconcile_payout", payout.id, books.now + books.work.house.settle_seconds)
    books.schedule("pay_payout", payout.id, arrival)
    news.tell(books, "payout.created", payout)
    return payout


def run(books: Books, currency: str | None = None) -> list[Record]:
    """Pay out everything available of an account, one automatic payout per currency with money in it."""
    unpaid = books.work.db.execute(
        "SELECT seq, money_currency AS currency, money_net AS net FROM object"
        " WHERE kind = 'balance_transaction' AND account = ? AND withheld = 0"
        " AND money_available_on <= ? AND money_payout IS NULL",
        (books.account, books.now),
    ).fetchall()
    payouts = []
    for paid_in in sorted({row["currency"] for row in unpaid} if currency is None else {currency}):
        movements = [row for row in unpaid if row["currency"] == paid_in]
        amount = sum(row["net"] for row in movements)
        if amount <= 0:
            continue
        identifier = new_id("po")
        books.work.db.executemany(
            "UPDATE object SET hidden = json_set(hidden, '$.payout', ?) WHERE seq = ?",
            [(identifier, row["seq"]) for row in movements],
        )
        key = f"payout/{books.account}/{paid_in}/{books.now // balance.DAY}/{amount}"
        payout = _open(books, identifier, amount, paid_in, key, automatic=True, told={})
        _claim_own_movement(books, payout)
        payouts.append(payout)
    return payouts


def _claim_own_movement(books: Books, payout: Record) -> None:
    own = books.get("balance_transaction", payout.body["balance_transaction"])
    own.hidden["payout"] = payout.id
    books.save(own)


def create(call: Call) -> Json:
    """Pay out a sum by hand. Raises StripeError when the balance does not cover it."""
    books, params = call.books, call.params
    currency = params["currency"].lower()
    check_currency(currency)
    balance.ensure_available(books, params["amount"], currency)
    identifier = new_id("po")
    told = call.given("description", "method", "statement_descriptor", "source_type") | {"metadata": call.metadata()}
    key = call.stable_key or identifier
    return _open(books, identifier, params["amount"], currency, key, automatic=False, told=told).body


def reconcile(books: Books, payout: Record) -> None:
    """The provider finished saying which movements the payout paid."""
    payout.body["reconciliation_status"] = "completed"
    books.save(payout)
    news.tell(books, "payout.reconciliation_completed", payout)


def pay(books: Books, payout: Record) -> None:
    """The payout arrived at the bank, for all anyone knows."""
    if payout.body["status"] not in ("pending", "in_transit"):
        return
    payout.body["status"] = "paid"
    payout.body["trace_id"] = {"status": "supported", "value": f"TS{payout.id[-12:].upper()}"}
    books.save(payout)
    news.tell(books, "payout.paid", payout)
    if misbehaviour.strikes(books, "fail_payout_after_paid", payout.stable_key):
        books.schedule("bounce_payout", payout.id, books.now + FAILS_AFTER_DAYS * balance.DAY)


def bounce(books: Books, payout: Record) -> None:
    """A paid payout comes back from the bank after all; a misdeed asked for."""
    misbehaviour.confess(
        books,
        "fail_payout_after_paid",
        payout.id,
        payout.stable_key,
        amount_minor=payout.body["amount"],
        currency=payout.body["currency"],
    )
    fail(books, payout)


def fail(books: Books, payout: Record) -> None:
    """The bank returned the money. Raises StripeError when the payout already failed or was canceled."""
    if payout.body["status"] not in ("pending", "in_transit", "paid"):
        raise StripeError(f"This payout cannot fail: it has a status of {payout.body['status']}.")
    payout.body |= {
        "status": "failed",
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
    }
    _give_back(books, payout, "payout_failure")
    news.tell(books, "payout.failed", payout)


def _give_back(books: Books, payout: Record, movement_type: str) -> None:
    movement = balance.post(
        books,
        movement_type,
        payout.body["amount"],
        payout.body["currency"],
        payout.id,
        stable_key=f"{payout.stable_key}/failure_balance_transaction",
    )
    payout.body["failure_balance_transaction"] = movement.id
    books.save(payout)


def cancel(call: Call) -> Json:
    """Stop a manual payout that has not left yet."""
    payout = call.books.get("payout", call.ids["id"])
    if payout.body["status"] != "pending":
        raise StripeError(
            f"Payouts can only be canceled while they are pending; this one is {payout.body['status']}.",
            code="payout_not_cancelable",
        )
    payout.body["status"] = "canceled"
    _give_back(call.books, payout, "payout_cancel")
    news.tell(call.books, "payout.canceled", payout)
    return payout.body


def retrieve(call: Call) -> Json:
    """One payout."""
    return call.books.get("payout", call.ids["id"]).body


def update(call: Call) -> Json:
    """Change a payout's metadata."""
    payout = call.books.get("payout", call.ids["id"])
    payout.body["metadata"] = call.metadata(payout.body["metadata"])
    call.books.save(payout)
    news.tell(call.books, "payout.updated", payout)
    return payout.body


def listing(call: Call) -> Json:
    """Payouts, newest first."""
    conditions = matching(call.params, "destination", "status")
    for name, moment in (call.params.get("arrival_date") or {}).items():
        sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[name]
        conditions.append((f"json_extract(body, '$.arrival_date') {sign} ?", (moment,)))
    return page(call.books, "payout", call.params, "/v1/payouts", conditions)


CREATE = p.EXPAND | {
    "amount": p.integer(least=1).must(),
    "currency": p.text(3).must(),
    "description": p.text(),
    "metadata": p.metadata(),
    "method": p.choice("standard", "instant"),
    "source_type": p.choice("bank_account", "card", "fpx"),
    "statement_descriptor": p.text(22),
}
LIST = p.PAGE | {
    "arrival_date": p.instants(),
    "created": p.instants(),
    "destination": p.text(),
    "status": p.choice("pending", "in_transit", "paid", "failed", "canceled"),
}

ROUTES = [
    Route("POST", "/v1/payouts", create, CREATE),
    Route("GET", "/v1/payouts", listing, LIST),
    Route("GET", "/v1/payouts/{id}", retrieve, p.EXPAND),
    Route("POST", "/v1/payouts/{id}", update, p.EXPAND | {"metadata": p.metadata()}),
    Route("POST", "/v1/payouts/{id}/cancel", cancel, p.EXPAND),
]
