"""Balance and balance transactions: every movement of an account's money at the provider.

Source: https://docs.stripe.com/api/balance_transactions and https://docs.stripe.com/reports/reporting-categories
"""

from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import StripeError
from tandem.stripe_sandbox.wire.expansion import present
from tandem.stripe_sandbox.wire.lists import Condition, matching, page

DAY = 86_400

REPORTING_CATEGORY = {
    "application_fee": "platform_earning",
    "application_fee_refund": "platform_earning_refund",
    "charge": "charge",
    "payment": "charge",
    "payment_refund": "refund",
    "payment_failure_refund": "refund_failure",
    "payout": "payout",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "transfer": "transfer",
    "transfer_refund": "transfer_reversal",
}


def post(
    books: Books,
    movement: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee_details: list[Json] | None = None,
    available_on: int | None = None,
    description: str | None = None,
    reporting_category: str | None = None,
    withheld: bool = False,
    stable_key: str,
) -> Record:
    """Move money: a balance transaction of ``amount`` less its fees; ``source`` is what caused it."""
    fee_details = fee_details or []
    fee = sum(detail["amount"] for detail in fee_details)
    body = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": books.now if available_on is None else available_on,
        "balance_type": "payments",
        "created": books.now,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fee_details,
        "net": amount - fee,
        "reporting_category": reporting_category or REPORTING_CATEGORY[movement],
        "source": source,
        "status": "pending",
        "type": movement,
    }
    return books.add("balance_transaction", body, withheld=withheld, stable_key=stable_key)


def stripe_fee(amount: int, currency: str, description: str = "Stripe processing fees") -> Json:
    """The provider's own part of a fee."""
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": "stripe_fee",
    }


def day_after(moment: int, days: int) -> int:
    """Midnight UTC that many days after the day of ``moment``; ``moment`` itself for 0."""
    return (moment // DAY + days) * DAY if days else moment


def sums(books: Books) -> dict[str, dict[str, int]]:
    """Per currency what is available and what is pending now."""
    rows = books.work.db.execute(
        "SELECT money_currency AS currency, sum(money_net) AS net,"
        " sum(CASE WHEN money_available_on <= ? THEN money_net ELSE 0 END) AS ripe FROM object"
        " WHERE kind = 'balance_transaction' AND account = ? AND withheld = 0 GROUP BY money_currency",
        (books.now, books.account),
    ).fetchall()
    return {row["currency"]: {"available": row["ripe"], "pending": row["net"] - row["ripe"]} for row in rows}


def available(books: Books, currency: str) -> int:
    """What the account can pay out or transfer of a currency."""
    return sums(books).get(currency, {}).get("available", 0)


def ensure_available(books: Books, amount: int, currency: str) -> None:
    """Raises StripeError ``balance_insufficient`` when the balance does not cover the amount."""
    if available(books, currency) < amount:
        raise StripeError(
            "You have insufficient available funds in your Stripe account. "
            "Try adding funds directly to your available balance.",
            code="balance_insufficient",
        )


def retrieve_balance(call: Call) -> Json:
    """The balance of the account asked about."""
    found = sums(call.books) or {"cny": {"available": 0, "pending": 0}}

    def part(name: str) -> list[Json]:
        return [
            {"amount": totals[name], "currency": currency, "source_types": {"card": totals[name]}}
            for currency, totals in sorted(found.items())
        ]

    return {
        "object": "balance",
        "available": part("available"),
        "livemode": False,
        "pending": part("pending"),
    }


def retrieve(call: Call) -> Json:
    """One balance transaction."""
    return present(call.books, call.books.get("balance_transaction", call.ids["id"]))


def listing(call: Call) -> Json:
    """Balance transactions, newest first, by type, source, payout, currency and creation."""
    conditions: list[Condition] = matching(call.params, "type", "source", "currency")
    payout = call.params.get("payout")
    if payout is not None:
        record = call.books.refer("payout", payout, "payout")
        if not record.body["automatic"]:
            raise StripeError(
                "Balance transaction history can only be filtered on automatic transfers, not manual.",
                param="payout",
            )
        conditions.append(("money_payout = ?", (payout,)))
    return page(call.books, "balance_transaction", call.params, "/v1/balance_transactions", conditions)


LIST = p.PAGE | {
    "created": p.instants(),
    "currency": p.text(3),
    "payout": p.text(255),
    "source": p.text(255),
    "type": p.text(60),
}

ROUTES = [
    Route("GET", "/v1/balance", retrieve_balance, p.EXPAND),
    Route("GET", "/v1/balance_transactions", listing, LIST),
    Route("GET", "/v1/balance_transactions/{id}", retrieve, p.EXPAND),
]
