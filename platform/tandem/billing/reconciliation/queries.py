"""What reconciliation reads, set-based: each side of a comparison in one statement, in the tenant's scope."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, RowMapping, and_, cast, func, or_, select

from tandem.accounts import Organization, tenants_of
from tandem.billing.invoices import ISSUE_KINDS
from tandem.billing.ledger import Account, Book, Entry, Journal, entries
from tandem.billing.payments import BalanceTransaction, Dispute, Payment, Payout, Refund
from tandem.billing.reconciliation.models import DayClose, Discrepancy, ReconciliationRun
from tandem.billing.settlements import FeeAccrual
from tandem.billing.usage import UsageEvent
from tandem.kernel.database import Page, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id

CASH_KINDS: Final = (
    "payment_captured", "payment_refunded", "refund_returned", "dispute_withdrawn", "dispute_won", "payout_sent",
    "payout_returned", "psp_unexplained",
)  # fmt: skip
"""Kinds of journal that carry a movement's gross sum on cash.psp."""


@dataclass(frozen=True, slots=True)
class ProviderFact:
    """One of our rows that moved money at the provider: its object there, its journal's key, how much, when."""

    source: str
    row_id: UUID
    object_id: str
    key: str
    amount_minor: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Mover:
    """A table whose rows move money at the provider: into the balance (sign 1) or out of it (-1)."""

    source: str
    model: Any
    object_id: Any
    at: Any
    has_moved: Any
    key: str
    sign: int


_MOVERS: Final = (
    _Mover(
        "payment",
        Payment,
        Payment.provider_charge_id,
        Payment.captured_at,
        Payment.captured_at.is_not(None),
        "charge:{}:captured",
        1,
    ),
    _Mover(
        "refund", Refund, Refund.provider_refund_id, Refund.succeeded_at, Refund.is_posted, "refund:{}:succeeded", -1
    ),
    _Mover(
        "dispute",
        Dispute,
        Dispute.provider_dispute_id,
        Dispute.opened_at,
        Dispute.is_withdrawn,
        "dispute:{}:withdrawn",
        -1,
    ),
    _Mover("payout", Payout, Payout.provider_payout_id, Payout.sent_at, Payout.is_posted, "payout:{}:paid", -1),
)


def provider_facts(since: datetime, until: datetime) -> list[ProviderFact]:
    """What moved the hospital's money at the provider in [since, until), as our rows say."""
    facts: list[ProviderFact] = []
    for mover in _MOVERS:
        model = mover.model
        found = session.execute(
            select(
                model.id, mover.object_id.label("object_id"), mover.at.label("at"), model.amount_minor, model.currency
            )
            .where(model.tenant_id == tenant_id(), mover.at >= since, mover.at < until)
            .where(mover.object_id.is_not(None), mover.has_moved)
        )
        for row in found:
            key, amount_minor = mover.key.format(row.object_id), mover.sign * row.amount_minor
            facts.append(ProviderFact(mover.source, row.id, row.object_id, key, amount_minor, row.currency, row.at))
    return facts


def moved(object_ids: Collection[str]) -> dict[tuple[str, bool], int]:
    """What the provider's movements of these objects add up to, those into the balance and those out of it apart."""
    into = (BalanceTransaction.amount_minor > 0).label("is_into")
    found = session.execute(
        select(BalanceTransaction.source_id, into, func.sum(BalanceTransaction.amount_minor).label("amount_minor"))
        .where(BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.source_id.in_(list(object_ids)))
        .group_by(BalanceTransaction.source_id, into)
    )
    return {(str(row.source_id), row.is_into): int(row.amount_minor) for row in found}


def methods_of_charges(charges: Collection[str]) -> dict[str, str]:
    """By which method each of these charges was paid."""
    found = session.execute(
        select(Payment.provider_charge_id, Payment.method).where(
            Payment.tenant_id == tenant_id(), Payment.provider_charge_id.in_([each for each in charges if each])
        )
    )
    return {row.provider_charge_id: row.method for row in found if row.provider_charge_id is not None}


def movements(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """The provider's movements of [since, until)."""
    return rows(
        select(*BalanceTransaction.__table__.c).where(
            BalanceTransaction.tenant_id == tenant_id(),
            BalanceTransaction.provider_created_at >= since,
            BalanceTransaction.provider_created_at < until,
        )
    )


def movement_sums_until(until: datetime) -> dict[str, int]:
    """Per currency, what the provider's movements before `until` add up to, fees taken off."""
    found = session.execute(
        select(BalanceTransaction.currency, func.sum(BalanceTransaction.net_minor).label("net_minor"))
        .where(BalanceTransaction.tenant_id == tenant_id(), BalanceTransaction.provider_created_at < until)
        .group_by(BalanceTransaction.currency)
    )
    return {row.currency: int(row.net_minor) for row in found}


def booked_cash(keys: Collection[str]) -> dict[str, int]:
    """What the journals of these keys add to cash.psp."""
    return _booked("cash.psp", CASH_KINDS, keys)


def booked_fees(movement_ids: Collection[str]) -> dict[str, int]:
    """The provider's fee that is booked for each of these movements."""
    booked = _booked("exp.psp_fee", ("psp_fee",), [f"bt:{each}" for each in movement_ids])
    return {key.removeprefix("bt:"): amount for key, amount in booked.items()}


def booked_invoices(invoice_ids: Collection[str]) -> dict[str, int]:
    """What each of these invoices and credit notes is booked with, owed to the operator or not owed after all."""
    return {key: abs(amount) for key, amount in _booked("ap.operator", ISSUE_KINDS, invoice_ids).items()}


def cash_at_provider(until: datetime) -> dict[str, int]:
    """Per currency, what cash.psp stood at, counting what was true before `until`."""
    found = session.execute(
        entries(Book.currency, func.sum(Entry.amount_minor).label("amount_minor"))
        .where(Account.code == "cash.psp", Journal.effective_at < until)
        .group_by(Book.currency)
    )
    return {row.currency: int(row.amount_minor) for row in found}


def uses_with_accruals(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Uses of [since, until) with their accrual and the state of their payment, where there are any."""
    return rows(
        select(
            UsageEvent.id,
            UsageEvent.amount_minor,
            UsageEvent.currency,
            FeeAccrual.id.label("accrual_id"),
            FeeAccrual.basis_minor,
            Payment.status.label("payment_status"),
        )
        .outerjoin(
            FeeAccrual, and_(FeeAccrual.tenant_id == UsageEvent.tenant_id, FeeAccrual.usage_event_id == UsageEvent.id)
        )
        .outerjoin(Payment, and_(Payment.tenant_id == UsageEvent.tenant_id, Payment.id == UsageEvent.payment_id))
        .where(UsageEvent.tenant_id == tenant_id(), UsageEvent.at >= since, UsageEvent.at < until, UsageEvent.is_sold)
    )


def completed_without_use(since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Payments whose service was said to be delivered in [since, until), with no use metered."""
    return rows(
        select(Payment.id, Payment.amount_minor, Payment.currency)
        .outerjoin(UsageEvent, and_(UsageEvent.tenant_id == Payment.tenant_id, UsageEvent.payment_id == Payment.id))
        .where(
            Payment.tenant_id == tenant_id(),
            Payment.completed_at >= since,
            Payment.completed_at < until,
            UsageEvent.id.is_(None),
        )
    )


def accrued_fees(since: datetime, until: datetime) -> dict[str, int]:
    """Per currency, fees accrued for uses of [since, until)."""
    found = session.execute(
        select(FeeAccrual.currency, func.sum(FeeAccrual.fee_minor).label("fee_minor"))
        .where(FeeAccrual.tenant_id == tenant_id(), FeeAccrual.at >= since, FeeAccrual.at < until)
        .group_by(FeeAccrual.currency)
    )
    return {row.currency: int(row.fee_minor) for row in found}


def booked_operator_fees(since: datetime, until: datetime) -> dict[str, int]:
    """Per currency, fees booked for uses of [since, until)."""
    found = session.execute(
        entries(Book.currency, func.sum(Entry.amount_minor).label("amount_minor"))
        .where(
            Account.code == "exp.operator_fee",
            Journal.kind == "operator_fee",
            Journal.effective_at >= since,
            Journal.effective_at < until,
        )
        .group_by(Book.currency)
    )
    return {row.currency: int(row.amount_minor) for row in found}


def delivered_on_benefits(since: datetime, until: datetime) -> dict[UUID, set[UUID]]:
    """Per programme, the payments of its uses of [since, until), but for those given back whole."""
    found = session.execute(
        select(UsageEvent.programme_id, UsageEvent.payment_id)
        .join(Payment, and_(Payment.tenant_id == UsageEvent.tenant_id, Payment.id == UsageEvent.payment_id))
        .where(UsageEvent.tenant_id == tenant_id(), UsageEvent.at >= since, UsageEvent.at < until)
        .where(UsageEvent.programme_id.is_not(None), Payment.refunded_minor < Payment.amount_minor)
    )
    delivered: dict[UUID, set[UUID]] = {}
    for programme, payment in found:
        if programme is not None and payment is not None:
            delivered.setdefault(programme, set()).add(payment)
    return delivered


def without_use(payment_ids: Collection[UUID]) -> set[UUID]:
    """Those of these payments for which nothing was delivered."""
    used = select(UsageEvent.payment_id).where(
        UsageEvent.tenant_id == tenant_id(), UsageEvent.payment_id.in_(list(payment_ids))
    )
    return set(payment_ids) - {each for each in session.scalars(used) if each is not None}


def benefit_payments(payment_ids: Collection[UUID]) -> Sequence[RowMapping]:
    """These payments, with the programme that paid."""
    shown = (Payment.id, Payment.programme_id, Payment.amount_minor, Payment.currency)
    wanted = select(*shown).where(Payment.tenant_id == tenant_id(), Payment.id.in_(list(payment_ids)))
    return rows(wanted.order_by(Payment.id))


def programmes_paying() -> list[UUID]:
    """Programmes that have paid anything here."""
    named = select(Payment.programme_id).where(Payment.tenant_id == tenant_id(), Payment.programme_id.is_not(None))
    return [each for each in session.scalars(named.distinct()) if each is not None]


def discrepancies_of_day(day: date) -> Mapping[tuple[str, str], Discrepancy]:
    """Differences of a day, and those that belong to none but are not resolved, locked."""
    found = session.scalars(
        select(Discrepancy)
        .where(Discrepancy.tenant_id == tenant_id(), (Discrepancy.day == day) | (Discrepancy.status != "resolved"))
        .with_for_update()
    )
    return {(each.reconciliation_pass, each.natural_key): each for each in found}


def discrepancies_by_key(keys: Collection[str]) -> dict[tuple[str, str], Discrepancy]:
    """The differences of these natural keys, of whatever day, by pass and key. [hospital, employer]"""
    statement = select(Discrepancy).where(Discrepancy.tenant_id == tenant_id(), Discrepancy.natural_key.in_(keys))
    return {(row.reconciliation_pass, row.natural_key): row for row in session.scalars(statement)}


def days_worth_another_run() -> list[date]:
    """Days with an open difference, or with one that goes away when the provider tells what it was late to tell."""
    may_change = or_(Discrepancy.status == "open", Discrepancy.kind.in_(["movement_missing", "moved_amount_differs"]))
    unresolved = select(Discrepancy.day).where(
        Discrepancy.tenant_id == tenant_id(), Discrepancy.status != "resolved", may_change
    )
    return list(session.scalars(unresolved.distinct()))


def discrepancy(discrepancy_id: UUID) -> Discrepancy:
    """One difference. Raises NotFound."""
    found = session.scalar(
        select(Discrepancy)
        .where(Discrepancy.tenant_id == tenant_id(), Discrepancy.id == discrepancy_id)
        .with_for_update()
    )
    if found is None:
        raise NotFound
    return found


def discrepancies(*, limit: int, after: str | None, status: str | None, day: date | None, tenant: UUID | None) -> Page:
    """Differences, the newest first; of one tenant or (operator, across tenants) of all."""
    wanted = select(*Discrepancy.__table__.c)
    if tenant is not None:
        wanted = wanted.where(Discrepancy.tenant_id == tenant)
    if status is not None:
        wanted = wanted.where(Discrepancy.status == status)
    if day is not None:
        wanted = wanted.where(Discrepancy.day == day)
    by = [Discrepancy.first_seen_at, Discrepancy.id]
    return page(wanted, by=by, limit=limit, after=after, newest_first=True)


def discrepancy_totals(day: date | None = None) -> Sequence[RowMapping]:
    """Counts and sums by kind, owner and state, over the tenants the scope can see."""
    wanted = select(
        Discrepancy.reconciliation_pass,
        Discrepancy.kind,
        Discrepancy.owner,
        Discrepancy.status,
        Discrepancy.currency,
        func.count().label("discrepancies"),
        cast(func.sum(Discrepancy.amount_at_risk_minor), BigInteger).label("amount_at_risk_minor"),
        func.min(Discrepancy.first_seen_at).label("oldest_at"),
    ).select_from(Discrepancy)
    if day is not None:
        wanted = wanted.where(Discrepancy.day == day)
    grouped = (
        Discrepancy.reconciliation_pass,
        Discrepancy.kind,
        Discrepancy.owner,
        Discrepancy.status,
        Discrepancy.currency,
    )
    return rows(wanted.group_by(*grouped).order_by(*grouped))


def run_of_day(day: date) -> ReconciliationRun | None:
    """The latest run over a day."""
    return session.scalar(
        select(ReconciliationRun).where(ReconciliationRun.tenant_id == tenant_id(), ReconciliationRun.day == day)
    )


def runs(*, limit: int, after: str | None) -> Page:
    """Runs, the latest day first."""
    wanted = select(*ReconciliationRun.__table__.c).where(ReconciliationRun.tenant_id == tenant_id())
    return page(wanted, by=[ReconciliationRun.day, ReconciliationRun.id], limit=limit, after=after, newest_first=True)


def day_close_progress(day_close_id: UUID) -> RowMapping:
    """A day's closing and how far it is. [operator, across tenants] Raises NotFound."""
    done = (
        select(func.count())
        .select_from(ReconciliationRun)
        .where(ReconciliationRun.day_close_id == day_close_id)
        .scalar_subquery()
    )
    found = rows(
        select(DayClose.id, DayClose.day, DayClose.requested_at, DayClose.tenant_count, done.label("done_count")).where(
            DayClose.id == day_close_id
        )
    )
    if not found:
        raise NotFound
    return found[0]


def tenants_to_close(kind: str) -> list[UUID]:
    """Organisations of a kind that are active, or suspended with a book. [operator, across tenants]"""
    keeps_a_book = Organization.id.in_(select(Book.tenant_id))
    closing = select(Organization.id).where(
        Organization.kind == kind, or_(Organization.id.in_(tenants_of(kind)), keeps_a_book)
    )
    return list(session.scalars(closing.order_by(Organization.id)))


def _booked(code: str, kinds: Sequence[str], keys: Collection[str]) -> dict[str, int]:
    found = session.execute(
        entries(Journal.idem_key, func.sum(Entry.amount_minor).label("amount_minor"))
        .where(Account.code == code, Journal.idem_scope.in_(kinds), Journal.idem_key.in_(list(keys)))
        .group_by(Journal.idem_key)
    )
    return {row.idem_key: int(row.amount_minor) for row in found}
