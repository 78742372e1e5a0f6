"""The provider's balance transactions: each stored once, its fee booked once, and its gross amount tied to a fact."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, SQLColumnExpression, select, update
from sqlalchemy.dialects.postgresql import insert

from tandem.billing.ledger import post
from tandem.billing.payments import postings
from tandem.billing.payments.commands.exchanges import Presented, exchange, is_exchange
from tandem.billing.payments.errors import NoBookInCurrency
from tandem.billing.payments.models import BalanceTransaction, Dispute, Payment, Payout, Refund
from tandem.billing.provider_facts import ProviderMovement
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import tenant_id

FEES: Final = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
"""Movements that are a fee and nothing else: their amount is what the provider keeps."""

_Source = tuple[
    type[Payment | Refund | Dispute | Payout], SQLColumnExpression[Any], SQLColumnExpression[bool], Callable[[str], str]
]
# Whose movements take money out of the balance, and whose bring it in: the row, its id there, whether it is booked.
_OUT: Final[list[_Source]] = [
    (Refund, Refund.provider_refund_id, Refund.is_posted, postings.refunded_key),
    (Dispute, Dispute.provider_dispute_id, Dispute.is_withdrawn, postings.withdrawn_key),
    (Payout, Payout.provider_payout_id, Payout.is_posted, postings.sent_key),
]
_IN: Final[list[_Source]] = [
    (Payment, Payment.provider_charge_id, Payment.captured_at.is_not(None), postings.captured_key),
    (Refund, Refund.provider_refund_id, Refund.is_reversed, postings.returned_key),
    (Dispute, Dispute.provider_dispute_id, Dispute.is_reinstated, postings.won_key),
    (Payout, Payout.provider_payout_id, Payout.is_reversed, postings.unsent_key),
]


def fold_movement(told: ProviderMovement) -> None:
    """Store a movement the first time it is told, book its fee, and say which fact carries its amount if one does."""
    check_currency(told.currency)
    session.flush()
    is_fee = told.kind in FEES
    fee_minor = told.fee_minor - (told.amount_minor if is_fee else 0)
    fact = None if is_fee else _fact_behind(told)
    is_changed = fact is not None and fact.presented.currency != told.currency
    posted_as = postings.fee_key(told.id) if is_fee else None if fact is None or is_changed else fact.key
    if not _store(told, posted_as=posted_as):
        return
    # A payment's fee is in its own currency; what was changed is told by its movement alone.
    if told.source_id is not None and told.amount_minor > 0 and not is_changed:
        of_charge = update(Payment).where(
            Payment.tenant_id == tenant_id(),
            Payment.provider_charge_id == told.source_id,
            Payment.currency == told.currency,
        )
        session.execute(of_charge.values(fee_minor=fee_minor).execution_options(synchronize_session="fetch"))
    # The book is locked last: whoever folds a payment holds the payment first.
    if fact is not None and is_changed:
        exchange(_stored(told.id), fact.presented)
    if fee_minor:
        post([postings.fee_taken(told, fee_minor)])


def check_currency(currency: str) -> None:
    """Raises NoBookInCurrency."""
    if currency not in EXPONENTS:
        raise NoBookInCurrency(currency=currency)


def claim_movements(source_id: str, presented: Presented, *, taken_as: str | None, given_as: str | None) -> None:
    """A fact was booked: it explains its object's movements, those out of the balance or those into it."""
    session.flush()
    for key, is_mine in (
        (taken_as, BalanceTransaction.amount_minor < 0),
        (given_as, BalanceTransaction.amount_minor > 0),
    ):
        if key is not None:
            _claim(source_id, key, is_mine, presented)


def suspend_movement(movement: BalanceTransaction) -> None:
    """No row of ours explains it: book it in suspense, for people to find out. A later fact takes it out again."""
    movement.posted_as = postings.unexplained_key(movement.provider_id)
    if movement.amount_minor:
        draft = postings.unexplained(
            movement.provider_id,
            amount_minor=movement.amount_minor,
            currency=movement.currency,
            at=movement.provider_created_at,
        )
        post([draft])


def _store(told: ProviderMovement, posted_as: str | None) -> bool:
    row = {
        "tenant_id": tenant_id(),
        "id": new_id(),
        "provider_id": told.id,
        "kind": told.kind,
        "reporting_category": told.reporting_category,
        "amount_minor": told.amount_minor,
        "fee_minor": told.fee_minor,
        "net_minor": told.amount_minor - told.fee_minor,
        "currency": told.currency,
        "source_id": told.source_id,
        "posted_as": posted_as,
        "paid_out_minor": 0,
        "provider_created_at": told.created_at,
        "available_at": told.available_at,
        "fetched_at": clock.now(),
    }
    once = insert(BalanceTransaction).values(row).on_conflict_do_nothing().returning(BalanceTransaction.id)
    return session.execute(once).scalar_one_or_none() is not None


@dataclass(frozen=True, slots=True)
class _Fact:
    """A booked fact, by the key of its journal, and its sum in its own currency."""

    key: str
    presented: Presented


def _stored(movement_id: str) -> BalanceTransaction:
    return session.scalars(
        select(BalanceTransaction).where(
            BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.provider_id == movement_id
        )
    ).one()


def _fact_behind(told: ProviderMovement) -> _Fact | None:
    """The fact that has booked this movement's amount, if one has."""
    source = told.source_id
    if source is None:
        return None
    facts = _OUT if told.amount_minor < 0 else _IN
    for model, named, is_booked, key_of in facts:
        fact = select(model.amount_minor, model.currency).where(named == source, is_booked)
        found = session.execute(fact.where(model.tenant_id == tenant_id())).first()
        if found is not None:
            return _Fact(key_of(source), Presented(found[0], found[1]))
    return None


def _claim(source_id: str, key: str, is_mine: ColumnElement[bool], presented: Presented) -> None:
    unclaimed = (
        select(BalanceTransaction)
        .where(BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.source_id == source_id, is_mine)
        .where(BalanceTransaction.posted_as.is_distinct_from(key))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for movement in session.scalars(unclaimed):
        if is_exchange(movement):
            continue
        was_unexplained = movement.posted_as == postings.unexplained_key(movement.provider_id)
        if movement.currency == presented.currency:
            movement.posted_as = key
        elif not exchange(movement, presented):
            continue
        if was_unexplained and movement.amount_minor:
            draft = postings.explained(
                movement.provider_id,
                amount_minor=movement.amount_minor,
                currency=movement.currency,
                at=movement.provider_created_at,
            )
            post([draft])
