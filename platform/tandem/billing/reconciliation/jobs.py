"""Reconciling by night, and closing days: one job per tenant, so that one tenant's trouble stays its own."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from tandem.billing import settlements
from tandem.billing.entitlements import consumed_among, consumed_at
from tandem.billing.invoices import record_invoice_payment
from tandem.billing.ledger import Mirrored, mirror_book, mirrored_journals, mirrors_of
from tandem.billing.payments import fetch_provider_facts, read_until, record_transfer, transfers_due, transfers_named
from tandem.billing.reconciliation import commands, queries
from tandem.billing.reconciliation.bank_matching import match_payouts, take_turn
from tandem.billing.reconciliation.matching import Outcome, advance, position_of
from tandem.billing.reconciliation.models import DayClose
from tandem.billing.reconciliation.passes import bank, books, metering, told
from tandem.billing.reconciliation.passes.told import Told
from tandem.billing.reconciliation.rules import rules_in_force
from tandem.kernel import clock, jobs
from tandem.kernel.database import session
from tandem.kernel.jobs import job
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, across_tenants, acting_for, tenant_id, transaction

CURRENCY: Final = "CNY"
MIRRORED: Final = "R6.mirrored"
WINDOW: Final = 5_000
"""Journals compared with the operator's book at once."""


@job(queue="slow", timeout_seconds=300, outside=True)
def fan_out_day_close(day_close_id: UUID) -> None:
    """Give every hospital and employer its part of a day's closing. [operator]"""
    with transaction():
        day = session.scalars(
            select(DayClose.day).where(DayClose.tenant_id == OPERATOR_ID, DayClose.id == day_close_id)
        ).one()
    with across_tenants(reason="day close"):
        hospitals = queries.tenants_to_close("hospital")
        employers = queries.tenants_to_close("employer")
    for tenant in hospitals:
        with acting_for(tenant), transaction():
            jobs.enqueue(close_hospital_day, key=f"close:{day_close_id}", day=day, day_close_id=day_close_id)
    for tenant in employers:
        with acting_for(tenant), transaction():
            jobs.enqueue(close_employer_day, key=f"close:{day_close_id}", day=day, day_close_id=day_close_id)
    with transaction():
        session.execute(
            update(DayClose)
            .where(DayClose.tenant_id == OPERATOR_ID, DayClose.id == day_close_id)
            .values(tenant_count=len(hospitals) + len(employers))
        )


@job(queue="slow", timeout_seconds=600, outside=True)
def close_hospital_day(day: date, day_close_id: UUID | None = None) -> None:
    """Ask the provider, accrue what is left, mirror, propose the day's statement, reconcile. [hospital]"""
    since, until = clock.day_bounds(day)
    with transaction():
        asked_until, is_unresolved = read_until(), bool(queries.days_worth_another_run())
    # Where it was asked after the day's end and nothing is missing, asking again would tell the same.
    if is_unresolved or asked_until is None or asked_until < until:
        # From the day's first moment, not from the last reading: what the provider is late to tell bears its old date.
        fetch_provider_facts(since)
    with transaction():
        settlements.accrue_missing(until)
        if (day + timedelta(days=1)).day == 1:
            settlements.accrue_monthly_fee(until, f"{day:%Y-%m}")
    mirror_book(CURRENCY)
    with transaction():
        statement_id = _propose(day)
    _reconcile([day], day_close_id, statement_id)


@job(queue="slow", timeout_seconds=300, outside=True)
def close_employer_day(day: date, day_close_id: UUID | None = None) -> None:
    """Mirror and reconcile an employer's book. [employer]"""
    mirror_book(CURRENCY)
    _reconcile([day], day_close_id, None)


@job(queue="slow", timeout_seconds=600, outside=True)
def reconcile_day(day: date) -> None:
    """Reconcile one day again. [hospital, employer]"""
    mirror_book(CURRENCY)
    _reconcile([day], None, None)


@job(queue="slow", timeout_seconds=3_600, outside=True)
def reconcile_fully() -> None:
    """Hold everything against everything: proof that looking at changes alone has missed nothing. [any tenant]"""
    mirror_book(CURRENCY)
    today = _business_day(clock.now())
    since, until = clock.day_bounds(today - timedelta(days=1))
    for comparison in commands.COMPARISONS:
        with transaction():
            commands.compare(comparison, "full", since, until)
    with transaction():
        # From the first place on: the windows below then see every mirrored journal once more.
        advance(MIRRORED, "seq", 0)
    _compare_mirrors(since, until)
    _prove_books()
    with transaction():
        days = {*queries.days_to_tell(), today - timedelta(days=1)}
    for day in sorted(day for day in days if day < today):
        found = _told_of(day)
        with transaction():
            for each in found:
                commands.keep(each)
    with transaction():
        commands.keep(metering.rollups_and_events(*clock.day_bounds(today)))


@job(queue="slow", timeout_seconds=3_600, outside=True)
def reconcile_weekly(scheduled_at: datetime) -> None:
    """The same, once a week. [hospital]"""
    reconcile_fully()


@job(queue="fast")
def book_resolution(resolution_id: UUID) -> None:
    """Book what both parties agreed on. [the tenant]"""
    commands.post_resolution(resolution_id)


@job(queue="slow", timeout_seconds=3_600, outside=True)
def book_group_resolution(resolution_id: UUID) -> None:
    """Book what both parties agreed on for a whole group, thousands at a time. [the tenant]"""
    booked = 1
    while booked:
        with transaction():
            booked = commands.post_members(resolution_id)


@job(queue="slow", timeout_seconds=600, outside=True)
def reconcile_last_night(scheduled_at: datetime) -> None:
    """Yesterday, and every earlier day on which something may still change. [hospital]"""
    _reconcile_since(scheduled_at, asks_provider=True)


@job(queue="slow", timeout_seconds=600, outside=True)
def reconcile_employer_last_night(scheduled_at: datetime) -> None:
    """The same for an employer, whose book has no provider. [employer]"""
    _reconcile_since(scheduled_at, asks_provider=False)


def _reconcile_since(moment: datetime, *, asks_provider: bool) -> None:
    with transaction():
        days = sorted({*queries.days_worth_another_run(), _business_day(moment) - timedelta(days=1)})
    if asks_provider:
        fetch_provider_facts(clock.day_bounds(days[0])[0])
    mirror_book(CURRENCY)
    _reconcile(days, None, None)
    _prove_books()


def _reconcile(days: Sequence[date], day_close_id: UUID | None, statement_id: UUID | None) -> None:
    """What changed and the last of these days in one go, then each day's comparisons that look elsewhere too.

    Every comparison is a transaction of its own: killed between two of them, the next run does the rest.
    """
    since, until = clock.day_bounds(days[-1])
    done = []
    for comparison in commands.COMPARISONS:
        with transaction():
            done.append(commands.compare(comparison, "day", since, until))
    done += _compare_mirrors(since, until)
    for day in days:
        found = _told_of(day)
        with transaction():
            outcomes = [*done, *(commands.keep(each) for each in found)]
            commands.note_run(day, outcomes, day_close_id=day_close_id, statement_id=statement_id)


@job(queue="slow", timeout_seconds=600, outside=True)
def match_bank_lines() -> None:
    """Match what came in: payouts for a hospital, what customers owe for the operator, and what left. [either]"""
    if tenant_id() != OPERATOR_ID:
        with transaction():
            match_payouts(rules_in_force())
        return
    with transaction():
        references = commands.references_unspent()
    with across_tenants(reason="bank transfers for invoices"):
        owed, recorded = commands.invoices_owed(), commands.recorded_under(references)
    with transaction():
        take_turn()
        spent = [part.id for part in commands.spend_on_recorded(recorded)]
        for allocation_id in [*spent, *commands.spend_whole_lines(commands.transfers_for(owed))]:
            jobs.enqueue(record_allocation, allocation_id=allocation_id)
        match_payouts(rules_in_force(), named_only=True)
    _match_repayments()
    with transaction():
        commands.settle_returns()


def _match_repayments() -> None:
    """What left the operator's bank under a repayment's reference: recorded first, claimed after, like what came in.

    What people had recorded before its line came is claimed by our reference or the bank's.
    """
    with transaction():
        said = commands.references_sent()
    with across_tenants(reason="bank transfers to customers"):
        due = {(told, minor, currency): (tenant, row) for tenant, row, told, minor, currency in transfers_due()}
        made = [row for row in transfers_named(said) if row["bank_reference"] is not None]
        told_before, known = (
            {(row[said_as], row["amount_minor"], row["currency"]): (row["tenant_id"], row["id"]) for row in made}
            for said_as in ("reference", "bank_reference")
        )
    with transaction():
        sent = commands.transfers_sent(due | told_before, known)
    recorded = set(known.values())
    for line, (tenant, repayment_id) in sent:
        if (tenant, repayment_id) not in recorded:
            with acting_for(tenant, operator=True), transaction():
                record_transfer(
                    repayment_id, paid_on=line["booked_on"], bank_reference=line["bank_reference"] or str(line["id"])
                )
        with transaction():
            commands.claim_transfers([(line["id"], repayment_id, line["amount_minor"])], side="repayment")


@job(queue="slow", timeout_seconds=60, outside=True)
def record_allocation(allocation_id: UUID) -> None:
    """Record what a bank's line pays of an invoice, once, under the bank's own reference. [operator]

    The money is there whatever became of the invoice since: what is not owed any more is kept as a surplus.
    """
    with transaction():
        part = commands.claim_allocated(allocation_id)
    with acting_for(part["customer_id"], operator=True), transaction():
        record_invoice_payment(
            part["invoice_id"], amount_minor=part["amount_minor"], paid_on=part["booked_on"],
            reference=part["reference"], keep_surplus=True,
        )  # fmt: skip


@job(queue="fast")
def book_bank_line_exit(exit_id: UUID) -> None:
    """Book what two people decided of a line that is nobody's, or what the bank told of it since. [operator]"""
    commands.book_exit(exit_id)


@job(queue="slow", timeout_seconds=600, outside=True)
def reconcile_operators_bank() -> None:
    """Match once more, then tell what of the operator's bank nothing explains. [operator]"""
    if tenant_id() != OPERATOR_ID:
        return
    match_bank_lines()
    since, until = clock.day_bounds(_business_day(clock.now()))
    with transaction():
        commands.compare(bank.ARRIVED, "incremental", since, until)


def _prove_books() -> None:
    """R7, a transaction for the proof and one for what it found."""
    with acting_for(tenant_id(), statement_timeout_ms=REPORT_TIMEOUT_MS), transaction():
        found = books.books_and_seals()
    with transaction():
        commands.keep(found)


def _told_of(day: date) -> list[Told]:
    """What is found of a day: first what other tenants say, each in its own scope, then the comparison in this one."""
    since, until = clock.day_bounds(day)
    here = tenant_id()
    with transaction():
        delivered = queries.delivered_on_benefits(since, until)
        programmes = queries.programmes_paying()
    unconsumed, consumed_here = set[UUID](), set[UUID]()
    for programme in programmes:
        paid = delivered.get(programme, set())
        with acting_for(programme), transaction():
            unconsumed |= paid - consumed_among(paid)
            consumed_here |= consumed_at(here, since, until)
    with transaction():
        found = [
            told.use_and_benefits(since, until, unconsumed, consumed_here),
            told.invoices_and_book(since, until),
            metering.rollups_and_events(since, until),
        ]
        if commands.is_latest_day(day):
            found += [told.balance_at_provider(until), told.statement_and_book()]
    return found


def _compare_mirrors(since: datetime, until: datetime) -> list[Outcome]:
    """R6: the journals of a day, those that differed, and then all that were mirrored since, window by window."""
    with transaction():
        again = [UUID(key.removeprefix("journal:")) for key in queries.open_keys(MIRRORED)]
        ours = {each.id: each for each in queries.mirrored_by_id(again)}
        ours |= {each.id: each for each in mirrored_journals(since=since, until=until)}
    done = [_compare_window(list(ours.values()), None)]
    while True:
        with transaction():
            window = mirrored_journals(after_seq=position_of(MIRRORED, "seq"), limit=WINDOW)
        if not window:
            return done
        done.append(_compare_window(window, window[-1].seq))


def _compare_window(ours: Sequence[Mirrored], seq: int | None) -> Outcome:
    with acting_for(OPERATOR_ID), transaction():
        theirs = mirrors_of([each.id for each in ours])
    with transaction():
        outcome = commands.keep(told.book_and_mirror(ours, theirs, clock.now()))
        if seq is not None:
            advance(MIRRORED, "seq", seq)
    return outcome


def _propose(day: date) -> UUID | None:
    try:
        return settlements.propose_statement(day, currency=CURRENCY).id
    except (settlements.NothingToSettle, settlements.PeriodAlreadySettled):
        return None


def _business_day(moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date()
