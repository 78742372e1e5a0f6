"""What the payment provider says, as facts: Stripe's objects read once, here, so that nothing else knows their shape.

Shapes: https://docs.stripe.com/api as of the version that stripe-python 16.1 pins. Currencies become upper case,
times aware UTC. An object that lacks what every version has is a KeyError: a changed contract must not pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

Json = Mapping[str, Any]

OUR_KEY: Final = "tandem_key"
"""The metadata member that carries the id of our row."""
OUR_TENANT: Final = "tandem_tenant"
"""On the operator's own account, the metadata member that says whose row it is."""
NAME_LENGTH: Final = 255
"""How long the provider's ids can be: https://docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backward-compatible"""
_KINDS: Final = {
    "pi": "payment_intent", "ch": "charge", "py": "charge", "re": "refund", "pyr": "refund", "du": "dispute",
    "dp": "dispute", "po": "payout", "txn": "balance_transaction", "tr": "transfer", "trr": "transfer_reversal",
}  # fmt: skip
_MOVEMENTS: Final = ("balance_transaction", "failure_balance_transaction")


@dataclass(frozen=True)
class ProviderMovement:
    """One movement of an account's balance: gross amount (signed) and the fee taken with it."""

    id: str
    kind: str
    reporting_category: str
    amount_minor: int
    fee_minor: int
    currency: str
    source_id: str | None
    created_at: datetime
    available_at: datetime


@dataclass(frozen=True)
class ProviderCharge:
    """An attempt to take money. Its movement may become known long after it succeeded.

    `amount_minor` was authorised and is what the movement shows; `captured_minor` of it was taken.
    """

    id: str
    intent_id: str | None
    key: str | None
    status: str
    amount_minor: int
    captured_minor: int
    currency: str
    created_at: datetime
    movement: ProviderMovement | None


@dataclass(frozen=True)
class ProviderIntent:
    """A wish to be paid, as it stands now. `key` is the id of our payment, `tenant` whose it is where it says."""

    id: str
    key: str | None
    tenant: str | None
    status: str
    amount_minor: int
    currency: str
    client_secret: str | None
    next_action_url: str | None
    failure_code: str | None
    charge: ProviderCharge | None


@dataclass(frozen=True)
class ProviderRefund:
    """Money given back: pending, requires_action, succeeded, failed or canceled. `key` is the id of our refund.

    `tenant`: whose it is, where it says. `has_moved`: its money has left the balance, whatever became of it since.
    """

    id: str
    key: str | None
    tenant: str | None
    intent_id: str | None
    charge_id: str | None
    status: str
    amount_minor: int
    currency: str
    failure_code: str | None
    has_moved: bool
    created_at: datetime
    movements: tuple[ProviderMovement, ...]


@dataclass(frozen=True)
class ProviderDispute:
    """A payer's bank asking for the money back, with the movements it has caused so far."""

    id: str
    charge_id: str
    intent_id: str | None
    status: str
    reason: str
    amount_minor: int
    currency: str
    created_at: datetime
    movements: tuple[ProviderMovement, ...]


@dataclass(frozen=True)
class ProviderPayout:
    """Money sent from the provider's balance to the bank. One that was paid may still fail.

    `is_composed`: the provider can tell which movements it paid out; of one made by hand it never can.
    """

    id: str
    status: str
    amount_minor: int
    currency: str
    is_automatic: bool
    is_composed: bool
    failure_code: str | None
    created_at: datetime
    arrives_at: datetime
    movements: tuple[ProviderMovement, ...]


@dataclass(frozen=True)
class ProviderHint:
    """An event, read for what it is about. What it says of the object is never believed: it may be old."""

    id: str
    kind: str
    account_id: str | None
    is_live: bool
    api_version: str | None
    object_kind: str
    object_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class ProviderTransfer:
    """Money sent from the operator's balance to a hospital's account, and what was taken back. `key` is our row."""

    id: str
    key: str | None
    amount_minor: int
    reversed_minor: int
    currency: str
    created_at: datetime

    def is_of(self, row_id: UUID) -> bool:
        """Whether it is the answer to this wish of ours."""
        return self.key == str(row_id)


@dataclass(frozen=True)
class ProviderReversal:
    """What was taken back of a transfer at one time. `key` is our row, unless somebody did it at the provider."""

    id: str
    key: str | None
    amount_minor: int
    currency: str
    created_at: datetime


def reversal_from(told: Json) -> ProviderReversal:
    """A transfer reversal."""
    return ProviderReversal(
        id=told["id"],
        key=(told.get("metadata") or {}).get(OUR_KEY),
        amount_minor=told["amount"],
        currency=told["currency"].upper(),
        created_at=_moment(told["created"]),
    )


def transfer_from(told: Json) -> ProviderTransfer:
    """A transfer."""
    return ProviderTransfer(
        id=told["id"],
        key=(told.get("metadata") or {}).get(OUR_KEY),
        amount_minor=told["amount"],
        reversed_minor=told["amount_reversed"],
        currency=told["currency"].upper(),
        created_at=_moment(told["created"]),
    )


def movement_from(told: Json) -> ProviderMovement:
    """A balance transaction."""
    return ProviderMovement(
        id=told["id"],
        kind=told["type"],
        reporting_category=told["reporting_category"],
        amount_minor=told["amount"],
        fee_minor=told["fee"],
        currency=told["currency"].upper(),
        source_id=_id_of(told["source"]),
        created_at=_moment(told["created"]),
        available_at=_moment(told["available_on"]),
    )


def charge_from(told: Json) -> ProviderCharge:
    """A charge, with its movement when that was expanded and is known."""
    movement = told["balance_transaction"]
    return ProviderCharge(
        id=told["id"],
        intent_id=_id_of(told.get("payment_intent")),
        key=told["metadata"].get(OUR_KEY),
        status=told["status"],
        amount_minor=told["amount"],
        captured_minor=told["amount_captured"],
        currency=told["currency"].upper(),
        created_at=_moment(told["created"]),
        movement=movement_from(movement) if isinstance(movement, Mapping) else None,
    )


def intent_from(told: Json) -> ProviderIntent:
    """A PaymentIntent, with its latest charge when that was expanded."""
    charge, failure = told.get("latest_charge"), told.get("last_payment_error") or {}
    return ProviderIntent(
        id=told["id"],
        key=told["metadata"].get(OUR_KEY),
        tenant=told["metadata"].get(OUR_TENANT),
        status=told["status"],
        amount_minor=told["amount"],
        currency=told["currency"].upper(),
        client_secret=told.get("client_secret"),
        next_action_url=_address_of(told.get("next_action")),
        failure_code=failure.get("decline_code") or failure.get("code"),
        charge=charge_from(charge) if isinstance(charge, Mapping) else None,
    )


def refund_from(told: Json) -> ProviderRefund:
    """A refund."""
    return ProviderRefund(
        id=told["id"],
        key=(told.get("metadata") or {}).get(OUR_KEY),
        tenant=(told.get("metadata") or {}).get(OUR_TENANT),
        intent_id=_id_of(told.get("payment_intent")),
        charge_id=_id_of(told.get("charge")),
        status=told["status"],
        amount_minor=told["amount"],
        currency=told["currency"].upper(),
        failure_code=told.get("failure_reason"),
        has_moved=any(told.get(name) for name in _MOVEMENTS),
        created_at=_moment(told["created"]),
        movements=_movements_in(told),
    )


def dispute_from(told: Json) -> ProviderDispute:
    """A dispute, with the movements of taking the money and of giving it back."""
    return ProviderDispute(
        id=told["id"],
        charge_id=str(_id_of(told["charge"])),
        intent_id=_id_of(told.get("payment_intent")),
        status=told["status"],
        reason=told["reason"],
        amount_minor=told["amount"],
        currency=told["currency"].upper(),
        created_at=_moment(told["created"]),
        movements=tuple(movement_from(each) for each in told["balance_transactions"]),
    )


def payout_from(told: Json) -> ProviderPayout:
    """A payout."""
    return ProviderPayout(
        id=told["id"],
        status=told["status"],
        amount_minor=told["amount"],
        currency=told["currency"].upper(),
        is_automatic=told["automatic"],
        is_composed=told.get("reconciliation_status") == "completed",
        failure_code=told.get("failure_code"),
        created_at=_moment(told["created"]),
        arrives_at=_moment(told["arrival_date"]),
        movements=_movements_in(told),
    )


def hint_from(told: Json) -> ProviderHint:
    """An event. Raises KeyError, TypeError or ValueError when it is none.

    Its object's shape follows the API version of the endpoint, not ours, so nothing is read of it but what it is;
    a thin event names it without showing it (https://docs.stripe.com/event-destinations#thin-events).
    """
    shown = (told.get("data") or {}).get("object")
    about = shown if isinstance(shown, Mapping) else told["related_object"]
    object_id, told_at = _name_or_none(about.get("id")), told["created"]
    return ProviderHint(
        id=_name(told["id"]),
        kind=_name(told["type"]),
        account_id=_name_or_none(told.get("account") or told.get("context")),
        is_live=bool(told["livemode"]),
        api_version=_name_or_none(told.get("api_version")),
        object_kind=kind_of(object_id or "") or str(about.get("object") or about.get("type") or "")[:NAME_LENGTH],
        object_id=object_id,
        created_at=datetime.fromisoformat(told_at) if isinstance(told_at, str) else _moment(told_at),
    )


def _name(told: Any) -> str:
    """An id or a kind: short text. Raises ValueError for anything else, which could not be stored under an index."""
    if not isinstance(told, str) or not 0 < len(told) <= NAME_LENGTH or "\x00" in told:
        raise ValueError("no name")
    return told


def _name_or_none(told: Any) -> str | None:
    return None if told is None else _name(told)


def kind_of(object_id: str) -> str:
    """What an id of the provider names, by its prefix: https://docs.stripe.com/api (each object's `id`)."""
    return _KINDS.get(object_id.partition("_")[0], "")


def _movements_in(told: Json) -> tuple[ProviderMovement, ...]:
    """The movements that were expanded."""
    shown = [told.get(name) for name in _MOVEMENTS]
    return tuple(movement_from(each) for each in shown if isinstance(each, Mapping))


def _id_of(reference: Any) -> str | None:
    """An id, whether the object it names was expanded or not."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return None if reference is None else str(reference)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _address_of(action: Json | None) -> str | None:
    """Where the payer goes next, for each kind of next step that has an address."""
    if action is None:
        return None
    step = action.get(action["type"]) or {}
    address = step.get("url") or step.get("hosted_instructions_url") or step.get("hosted_voucher_url")
    return None if address is None else str(address)
