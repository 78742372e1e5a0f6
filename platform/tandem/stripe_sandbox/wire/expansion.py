"""``expand[]``: an id in an answer replaced by the object it names, up to four levels deep.

Source: https://docs.stripe.com/api/expanding_objects
"""

from collections.abc import Callable

from tandem.stripe_sandbox.books import Books, Record
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire.errors import ParameterInvalid

DEEPEST = 4
EXPANDABLE = frozenset(
    {
        "account", "application_fee", "balance_transaction", "charge", "customer", "destination",
        "destination_payment", "failure_balance_transaction", "fee", "latest_charge", "on_behalf_of",
        "original_payout", "originating_transaction", "payment_intent", "payment_method", "reversed_by",
        "source", "source_transaction", "source_transfer", "transfer", "transfer_reversal",
    }
)  # fmt: skip

SHOWN_SOMETIMES = frozenset({("refund", "failure_balance_transaction")})
"""Properties that an object has only when there is something to say; asking to expand them is no mistake."""


def present(books: Books, record: Record) -> Json:
    """The object as it is shown at this moment: money turns available as time passes."""
    if record.kind != "balance_transaction":
        return record.body
    ripe = record.body["available_on"] <= books.now
    return record.body | {"status": "available" if ripe else "pending"}


Included = Callable[[Books, Json], Json]


def expand(books: Books, body: Json, paths: list[str], included: dict[tuple[str, str], Included]) -> Json:
    """The answer with every asked-for path expanded.

    ``included``: sub-lists that an object shows only when asked, by (object, field).
    Raises ParameterInvalid for a field that cannot be expanded.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST + (steps[0] == "data"):
            raise ParameterInvalid(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        body = _expanded(books, body, steps, path, included)
    return body


def _expanded(books: Books, body: Json, steps: list[str], path: str, included: dict[tuple[str, str], Included]) -> Json:
    step, rest = steps[0], steps[1:]
    if body.get("object") == "list" and step == "data":
        data = [_expanded(books, item, rest, path, included) if rest else item for item in body["data"]]
        return body | {"data": data}
    extra = included.get((body.get("object", ""), step))
    if extra is not None:
        value = body[step] if isinstance(body.get(step), dict) else extra(books, body)
    elif isinstance(body.get(step), dict):
        value = body[step]
    elif step in EXPANDABLE and step in body:
        value = _fetched(books, body, step)
    elif (body.get("object", ""), step) in SHOWN_SOMETIMES:
        return body
    else:
        raise ParameterInvalid(f"This property cannot be expanded ({path}).", param="expand")
    if rest and isinstance(value, dict):
        value = _expanded(books, value, rest, path, included)
    return body | {step: value}


def _fetched(books: Books, body: Json, step: str) -> Json | str | None:
    identifier = body[step]
    if not isinstance(identifier, str):
        return None
    # A transfer's destination payment lives in the receiving account, its books are the ones to look in.
    for account in (books.account, body.get("destination"), books.work.house.platform_account):
        if isinstance(account, str) and account.startswith("acct_"):
            record = books.of(account).find(identifier)
            if record is not None and (account == books.account or _crosses(body, step)):
                return identifier if record.withheld else present(books, record)
    return identifier


def _crosses(body: Json, step: str) -> bool:
    crossing = {
        "transfer": {"destination_payment", "destination"},
        "charge": {"application_fee", "source_transfer", "on_behalf_of"},
    }
    return step in crossing.get(body.get("object", ""), {"account", "destination", "on_behalf_of"})
