"""What reconciliation reads, set-based: each side of a comparison in one statement, in the tenant's scope."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import TIMESTAMP, BigInteger, RowMapping, and_, cast, func, or_, select, text, tuple_

from tandem.accounts import Organization, tenants_of
from tandem.billing.invoices import ISSUE_KINDS
from tandem.billing.ledger import Account, Book, Entry, Journal, Mirrored, entries
from tandem.billing.payments import Payment
from tandem.billing.reconciliation.models import (
    DayClose,
    Discrepancy,
    DiscrepancyResolution,
    ReconciliationRun,
    ReconItem,
)
from tandem.billing.usage import UsageEvent
from tandem.kernel import clock
from tandem.kernel.database import Page, own_row, page, rows, session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


def untold(until: datetime) -> dict[str, int]:
    """Per currency, what the facts before `until` add up to that the provider has not moved yet (see R1.moved)."""
    found = session.execute(
        text(
            "SELECT fault->>'currency' AS currency, sum((fault->>'expected_minor')::bigint) AS missing_minor "
            "FROM recon_item WHERE tenant_id = :tenant AND comparison = 'R1.moved' "
            "AND status IN ('differs', 'settled') AND fault->>'kind' = 'movement_missing' "
            "AND (fault->>'at')::timestamptz < :until GROUP BY 1"
        ),
        {"tenant": tenant_id(), "until": until},
    )
    return {row.currency: int(row.missing_minor) for row in found}


def open_keys(comparison: str, since: datetime | None = None, until: datetime | None = None) -> list[str]:
    """Keys of a comparison that differ, of a time or at all."""
    wanted = select(ReconItem.natural_key).where(
        ReconItem.tenant_id == tenant_id(), ReconItem.comparison == comparison, ReconItem.status == "differs"
    )
    if since is not None and until is not None:
        at = cast(ReconItem.fault["at"].astext, TIMESTAMP(timezone=True))
        wanted = wanted.where(at >= since, at < until)
    return list(session.scalars(wanted))


def mirrored_by_id(journal_ids: Collection[UUID]) -> list[Mirrored]:
    """These journals, as the operator's book mirrors them."""
    found = session.execute(
        entries(
            Journal.id, Journal.seq, Journal.kind, Book.currency, func.sum(Entry.amount_minor).label("amount_minor")
        )
        .where(Account.is_interparty, Journal.id.in_(list(journal_ids)))
        .group_by(Journal.id, Journal.seq, Journal.kind, Book.currency)
    )
    return [Mirrored(row.id, row.seq, row.kind, row.currency, int(row.amount_minor)) for row in found]


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


def days_to_tell() -> list[date]:
    """Business days on which anything was used or an invoice issued."""
    found = session.execute(
        text(
            "SELECT (at AT TIME ZONE :zone)::date AS day FROM usage_event WHERE tenant_id = :tenant UNION "
            "SELECT (issued_at AT TIME ZONE :zone)::date FROM invoice WHERE tenant_id = :tenant "
            "AND issued_at IS NOT NULL ORDER BY 1"
        ),
        {"tenant": tenant_id(), "zone": clock.BUSINESS_ZONE},
    )
    return [row.day for row in found]


def count_circulars() -> int:
    """How many ceilings public circulars have set, for everybody; none is ever taken away."""
    return int(session.execute(text("SELECT count(*) FROM price_ceiling")).scalar_one())


def journals_named(names: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """The booked journals of these kinds and keys."""
    found = session.execute(
        select(Journal.idem_scope, Journal.idem_key, Journal.id).where(
            Journal.tenant_id == tenant_id(), tuple_(Journal.idem_scope, Journal.idem_key).in_(list(names))
        )
    )
    return {(row.idem_scope, row.idem_key): row.id for row in found}


def programmes_paying() -> list[UUID]:
    """Programmes that have paid anything here."""
    named = select(Payment.programme_id).where(Payment.tenant_id == tenant_id(), Payment.programme_id.is_not(None))
    return [each for each in session.scalars(named.distinct()) if each is not None]


def days_worth_another_run() -> list[date]:
    """Days with an open difference, or with one that goes away when the provider tells what it was late to tell."""
    may_change = or_(Discrepancy.status == "open", Discrepancy.kind.in_(["movement_missing", "moved_amount_differs"]))
    unresolved = select(Discrepancy.day).where(
        Discrepancy.tenant_id == tenant_id(), Discrepancy.status != "resolved", may_change
    )
    return list(session.scalars(unresolved.distinct()))


def discrepancy(discrepancy_id: UUID, *, for_update: bool = True) -> Discrepancy:
    """One difference. Raises NotFound."""
    return own_row(Discrepancy, discrepancy_id, for_update=for_update)


def resolution(resolution_id: UUID, *, for_update: bool = False) -> DiscrepancyResolution:
    """One proposal. Raises NotFound."""
    return own_row(DiscrepancyResolution, resolution_id, for_update=for_update)


def currency_of_group(reconciliation_pass: str, kind: str, cause_group: str) -> str | None:
    """The currency of what is unresolved of one root; None when nothing is."""
    return session.scalar(
        select(Discrepancy.currency)
        .where(
            Discrepancy.tenant_id == tenant_id(),
            Discrepancy.reconciliation_pass == reconciliation_pass,
            Discrepancy.kind == kind,
            Discrepancy.cause_group == cause_group,
            Discrepancy.status != "resolved",
        )
        .limit(1)
    )


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
