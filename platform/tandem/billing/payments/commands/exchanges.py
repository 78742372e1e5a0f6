"""A fact in one currency that the provider settled in another: two journals in two books, tied by their correlation.

What a position came in at, it goes out at: a refund's or a dispute's movement gives back the part of the charge's
settled sum that belongs to it, and what the day's rate adds or takes is a gain or a loss, seen as such. Whichever of
the movements is heard of first, both books end the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from sqlalchemy import select

from tandem.billing.ledger import Account, Entry, Journal, JournalDraft, entries, journal_by_rule, post
from tandem.billing.payments.models import BalanceTransaction, Dispute, Payment, Refund
from tandem.kernel.database import session
from tandem.kernel.ids import derived_id
from tandem.kernel.money import share
from tandem.kernel.tenancy import tenant_id

AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Presented:
    """What a fact says of its sum: unsigned, in the currency of its own book."""

    amount_minor: int
    currency: str


def _exchange_key(movement_id: str) -> str:
    """The fact that a movement changed money."""
    return f"fx:{movement_id}"


def is_exchange(movement: BalanceTransaction) -> bool:
    """Whether a movement is explained by money changed."""
    return movement.posted_as == _exchange_key(movement.provider_id)


def exchange(movement: BalanceTransaction, presented: Presented) -> bool:
    """Book that a fact's sum was settled in the movement's currency. [hospital]

    False where another movement was before: what part of the fact this one is, the provider does not say.
    """
    same_way = BalanceTransaction.amount_minor > 0 if movement.amount_minor > 0 else BalanceTransaction.amount_minor < 0
    taken = select(BalanceTransaction.id).where(
        BalanceTransaction.tenant_id == tenant_id(),
        BalanceTransaction.source_id == movement.source_id,
        BalanceTransaction.posted_as.startswith("fx:"),
        BalanceTransaction.id != movement.id,
        same_way,
    )
    if session.scalar(taken.limit(1)) is not None:
        return False
    movement.posted_as = _exchange_key(movement.provider_id)
    post(_exchanged(movement, presented))
    _carry(movement)
    return True


def _carry(movement: BalanceTransaction) -> None:
    """Value what went out (or came back) at what its charge came in at, once both are known."""
    session.flush()
    charge_id = _charge_of(movement)
    found = select(BalanceTransaction).where(BalanceTransaction.tenant_id == tenant_id())
    charge = session.scalar(found.where(BalanceTransaction.source_id == charge_id).limit(1))
    payment = session.scalar(
        select(Payment).where(Payment.tenant_id == tenant_id(), Payment.provider_charge_id == charge_id)
    )
    if charge is None or payment is None or not is_exchange(charge):
        return
    sources = _sources_of(payment)
    others = found.where(BalanceTransaction.source_id.in_(sources.keys())).order_by(BalanceTransaction.provider_id)
    found_here = session.scalars(others.limit(AT_MOST))
    valued = {each: sources[str(each.source_id)] for each in found_here if is_exchange(each)}
    post([
        _revalued(each, charge, payment, gain_minor)
        for each, presented_minor in valued.items()
        if (gain_minor := each.amount_minor - _carried(each, charge, payment, presented_minor))
    ])  # fmt: skip
    _close(movement, charge, payment, valued)


def _carried(movement: BalanceTransaction, charge: BalanceTransaction, payment: Payment, presented_minor: int) -> int:
    """The part of the charge's settled sum that a movement takes with it, or brings back: signed as the movement is.

    Rounded for itself, so that it is the same whichever movement is heard of first.
    """
    part = share(charge.amount_minor, Fraction(presented_minor, payment.amount_minor))
    return part if movement.amount_minor > 0 else -part


def _close(
    movement: BalanceTransaction, charge: BalanceTransaction, payment: Payment, valued: Mapping[BalanceTransaction, int]
) -> None:
    """Once all of a payment has gone back, so has its position: what rounding left of it is written off.

    A dispute that is won, or a refund that comes back, brings a part of the position with it, and the rest too.
    """
    gone_minor = sum(-part if each.amount_minor > 0 else part for each, part in valued.items())
    rest_minor = charge.amount_minor + sum(_carried(each, charge, payment, part) for each, part in valued.items())
    wanted_minor = rest_minor if gone_minor == payment.amount_minor else 0
    first = f"{_exchange_key(charge.provider_id)}:rest"
    written = _written_off([first, *(f"{first}:{each.provider_id}" for each in valued)])
    if wanted_minor == sum(written):
        return
    key = f"{first}:{movement.provider_id}" if written else first
    at = max(each.provider_created_at for each in valued)
    post([_revaluation(charge, payment, wanted_minor - sum(written), key=key, at=at)])


def _written_off(keys: Sequence[str]) -> Sequence[int]:
    """What was written off of a charge's position so far, and taken up again. Its book is held: nobody writes now."""
    told = (Journal.idem_scope == "currency_revalued") & Journal.idem_key.in_(keys)
    written = session.scalars(entries(Entry.amount_minor).where(told, Account.code.startswith("fx.position.")))
    return written.all()


def _charge_of(movement: BalanceTransaction) -> str | None:
    source = movement.source_id
    disputed = select(Dispute.provider_charge_id).where(
        Dispute.tenant_id == tenant_id(), Dispute.provider_dispute_id == source
    )
    refunded = (
        select(Payment.provider_charge_id)
        .join(Refund, (Refund.tenant_id == Payment.tenant_id) & (Refund.payment_id == Payment.id))
        .where(Payment.tenant_id == tenant_id(), Refund.provider_refund_id == source)
    )
    return session.scalar(refunded) or session.scalar(disputed) or source


def _sources_of(payment: Payment) -> dict[str, int]:
    """Refunds and disputes of a payment, by the provider's ids, with their sums."""
    refunds = select(Refund.provider_refund_id, Refund.amount_minor).where(
        Refund.tenant_id == tenant_id(), Refund.payment_id == payment.id, Refund.provider_refund_id.is_not(None)
    )
    disputes = select(Dispute.provider_dispute_id, Dispute.amount_minor).where(
        Dispute.tenant_id == tenant_id(), Dispute.payment_id == payment.id
    )
    return {str(row[0]): int(row[1]) for wanted in (refunds, disputes) for row in session.execute(wanted)}


def _revalued(
    movement: BalanceTransaction, charge: BalanceTransaction, payment: Payment, gain_minor: int
) -> JournalDraft:
    at = max(movement.provider_created_at, charge.provider_created_at)
    return _revaluation(movement, payment, gain_minor, key=_exchange_key(movement.provider_id), at=at)


def _revaluation(
    movement: BalanceTransaction, payment: Payment, gain_minor: int, *, key: str, at: datetime
) -> JournalDraft:
    return journal_by_rule(
        "currency_revalued",
        amounts={"gain": gain_minor},
        terms={"other": payment.currency.lower()},
        key=key,
        effective_at=at,
        source_type="balance_transaction",
        source_id=movement.provider_id,
        currency=movement.currency,
        correlation_id=derived_id("exchange", movement.provider_id),
    )


def _exchanged(movement: BalanceTransaction, presented: Presented) -> list[JournalDraft]:
    """Both books' journals, the fact's own first: everybody locks the two in the same order."""
    here, there = movement.currency, presented.currency
    if movement.amount_minor > 0:
        return [
            _sold(movement, there, here, presented.amount_minor),
            _bought(movement, here, there, movement.amount_minor),
        ]
    return [
        _bought(movement, there, here, presented.amount_minor),
        _sold(movement, here, there, -movement.amount_minor),
    ]


def _sold(movement: BalanceTransaction, book: str, other: str, given_minor: int) -> JournalDraft:
    return _journal("currency_sold", movement, book, other, {"given": given_minor})


def _bought(movement: BalanceTransaction, book: str, other: str, received_minor: int) -> JournalDraft:
    amounts = {"received": received_minor, "carried": received_minor, "gain": 0}
    return _journal("currency_bought", movement, book, other, amounts)


def _journal(rule: str, movement: BalanceTransaction, book: str, other: str, amounts: dict[str, int]) -> JournalDraft:
    # R2 holds a movement against what its key has put on cash.psp, so only the book of its own currency has that key.
    key = _exchange_key(movement.provider_id)
    return journal_by_rule(
        rule,
        amounts=amounts,
        terms={"other": other.lower(), "cash": "cash.psp"},
        key=key if book == movement.currency else f"{key}:presented",
        effective_at=movement.provider_created_at,
        source_type="balance_transaction",
        source_id=movement.provider_id,
        currency=book,
        correlation_id=derived_id("exchange", movement.provider_id),
    )
