"""Application fees: the platform's share of its connected accounts' charges, and giving it back.

Source: https://docs.stripe.com/api/application_fees
"""

from tandem.stripe_sandbox import news
from tandem.stripe_sandbox.books import Books, Record, new_id
from tandem.stripe_sandbox.call import Call, Route
from tandem.stripe_sandbox.objects import balance, connect
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire import parameters as p
from tandem.stripe_sandbox.wire.errors import StripeError
from tandem.stripe_sandbox.wire.lists import matching, page, whole_list


def return_share(books: Books, charge: Record, refunded: int) -> list[Json]:
    """Give back the platform's share of a refunded sum; returns the line that eases the refund's own cost.

    The share is cumulative: what is owed back for all refunds so far less what went back before, so that the
    last refund closes to the whole fee.
    """
    identifier = charge.body["application_fee"]
    if identifier is None:
        raise StripeError(
            "You cannot refund the application fee of a charge that has none.", param="refund_application_fee"
        )
    platform = books.platform()
    fee = platform.get("application_fee", identifier)
    taken = charge.body["amount_captured"]
    back = fee.body["amount"] * (charge.body["amount_refunded"] - (charge.body["amount"] - taken)) // taken
    share = max(0, back - fee.body["amount_refunded"])
    if share == 0:
        return []
    _give_back(platform, fee, share, {}, f"{fee.stable_key}/refund/{charge.body['amount_refunded']}")
    return [connect.application_fee_line(books, charge.body) | {"amount": -share}]


def _give_back(platform: Books, fee: Record, amount: int, metadata: dict[str, str], key: str) -> Json:
    identifier = new_id("fr")
    movement = balance.post(
        platform,
        "application_fee_refund",
        -amount,
        fee.body["currency"],
        identifier,
        description=f"Application fee refund to {fee.body['account']}",
        stable_key=f"{key}/balance_transaction",
    )
    body = {
        "id": identifier,
        "object": "fee_refund",
        "amount": amount,
        "balance_transaction": movement.id,
        "created": platform.now,
        "currency": fee.body["currency"],
        "fee": fee.id,
        "metadata": metadata,
    }
    platform.add("fee_refund", body, stable_key=key)
    fee.body["amount_refunded"] += amount
    fee.body["refunded"] = fee.body["amount_refunded"] == fee.body["amount"]
    fee.body["refunds"]["data"].insert(0, body)
    platform.save(fee)
    news.tell(platform, "application_fee.refunded", fee)
    return body


def refund(call: Call) -> Json:
    """Give back all or part of an application fee, apart from any refund of its charge."""
    fee = call.books.get("application_fee", call.ids["id"])
    left = fee.body["amount"] - fee.body["amount_refunded"]
    amount = call.params.get("amount", left)
    if left == 0 or amount > left:
        raise StripeError(f"Refund amount ({amount}) is greater than unrefunded amount on fee ({left})", param="amount")
    key = call.stable_key or f"{fee.stable_key}/refund/{fee.body['amount_refunded']}"
    body = _give_back(call.books, fee, amount, call.metadata(), key)
    balance.post(
        call.books.of(fee.body["account"]),
        "adjustment",
        amount,
        fee.body["currency"],
        fee.body["charge"],
        description="Application fee refund",
        reporting_category="fee",
        stable_key=f"{key}/connected_balance_transaction",
    )
    return body


def retrieve(call: Call) -> Json:
    """One application fee."""
    return call.books.get("application_fee", call.ids["id"]).body


def listing(call: Call) -> Json:
    """Application fees, newest first."""
    return page(call.books, "application_fee", call.params, "/v1/application_fees", matching(call.params, "charge"))


def refunds(call: Call) -> Json:
    """What went back of a fee."""
    fee = call.books.get("application_fee", call.ids["id"])
    return whole_list(fee.body["refunds"]["data"], f"/v1/application_fees/{fee.id}/refunds")


ROUTES = [
    Route("GET", "/v1/application_fees", listing, p.PAGE | {"charge": p.text(), "created": p.instants()}),
    Route("GET", "/v1/application_fees/{id}", retrieve, p.EXPAND),
    Route("GET", "/v1/application_fees/{id}/refunds", refunds, p.PAGE),
    Route(
        "POST",
        "/v1/application_fees/{id}/refunds",
        refund,
        p.EXPAND | {"amount": p.integer(least=1), "metadata": p.metadata()},
    ),
]
