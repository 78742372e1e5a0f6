"""Statements between hospital and operator: proposed by the one, confirmed by the other, paid, closed."""

from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from tandem.billing.ledger import book_opened_at, cut_of, mirror_currency, post
from tandem.billing.settlements import lines, postings, queries
from tandem.billing.settlements.errors import (
    NothingToSettle,
    PeriodAlreadySettled,
    PeriodNotOver,
    StatementChanged,
)
from tandem.billing.settlements.events import StatementConfirmed, StatementPaid, StatementProposed
from tandem.billing.settlements.lines import Cut, Line
from tandem.billing.settlements.models import NEXT, SettlementLine, SettlementStatement
from tandem.kernel import audit, clock, jobs, outbox
from tandem.kernel.database import refusing, session
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def propose_statement(through: date, *, currency: str = "CNY") -> SettlementStatement:
    """Put the period since the last statement, up to and with the day `through`, before the hospital. [hospital]

    Proposed again for the same last day it is the same statement. Raises NothingToSettle for an empty book,
    PeriodNotOver, and PeriodAlreadySettled for a day inside an earlier statement.
    """
    _, until = clock.day_bounds(through)
    if until > clock.now():
        raise PeriodNotOver(through=through.isoformat())
    last = queries.last_statement(currency)
    if last is not None and last.last_day == through:
        return last
    if last is not None and last.last_day > through:
        raise PeriodAlreadySettled(settled_through=last.last_day.isoformat())
    cut_seq = cut_of(currency)
    first_day = last.last_day + timedelta(days=1) if last is not None else _first_day(currency, through)
    since, _ = clock.day_bounds(first_day)
    cut = Cut(currency, since, until, last.cut_seq if last is not None else 0, cut_seq)
    return _save(cut, first_day, through, last.number + 1 if last is not None else 1)


def confirm_statement(statement_id: UUID) -> SettlementStatement:
    """The hospital's signature under a statement. [hospital] Raises StatementChanged, TransitionRefused, NotFound."""
    row = queries.statement(statement_id, for_update=True)
    if document_of(row)[1] != row.document_sha256:
        raise StatementChanged(statement_id=row.id)
    move(row, "confirmed", NEXT)
    row.confirmed_at = clock.now()
    outbox.add(StatementConfirmed(row.id))
    return row


def dispute_statement(statement_id: UUID, *, because: str) -> SettlementStatement:
    """The hospital does not agree; it can still confirm later. [hospital] Raises TransitionRefused, NotFound."""
    row = queries.statement(statement_id, for_update=True)
    move(row, "disputed", NEXT)
    row.dispute_reason = because
    return row


def record_payment(statement_id: UUID, *, paid_on: date, reference: str) -> SettlementStatement:
    """What the statement left between the parties was paid; a job books it. [hospital, operator's role]

    Raises TransitionRefused before the hospital confirmed it, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    move(row, "paid", NEXT)
    row.paid_on, row.payment_reference = paid_on, reference
    outbox.add(StatementPaid(row.id))
    return row


def book_payment(statement_id: UUID) -> None:
    """Book a paid statement in the hospital's book, ask for its mirror, and close it. [hospital]"""
    row = queries.statement(statement_id, for_update=True)
    if row.status != "paid" or row.paid_on is None:
        return
    fee_minor, programmes_minor = lines.due_to_operator_minor(cut_of_statement(row))
    if fee_minor or any(programmes_minor.values()):
        at, _ = clock.day_bounds(row.paid_on)
        post([
            postings.settlement_paid(
                row.id, at=at, currency=row.currency, fee_minor=fee_minor, programmes_minor=programmes_minor
            )
        ])  # fmt: skip
        jobs.enqueue(mirror_currency, currency=row.currency)
    move(row, "closed", NEXT)
    row.closed_at = clock.now()


def document_of(row: SettlementStatement) -> tuple[bytes, str]:
    """The statement as bytes, run anew from the entries at its cut, and their SHA-256. [hospital]"""
    cut = cut_of_statement(row)
    return _document(cut, lines.lines_at(cut), row.first_day, row.last_day, row.number)


def cut_of_statement(row: SettlementStatement) -> Cut:
    """Which journals a statement takes."""
    return Cut(row.currency, row.period_start, row.period_end, row.previous_cut_seq, row.cut_seq)


def _save(cut: Cut, first_day: date, last_day: date, number: int) -> SettlementStatement:
    found = lines.lines_at(cut)
    _, digest = _document(cut, found, first_day, last_day, number)
    fee_minor, programmes_minor = lines.due_to_operator_minor(cut)
    amounts = {line.kind: line.amount_minor for line in found}
    row = SettlementStatement(
        tenant_id=tenant_id(),
        number=number,
        currency=cut.currency,
        first_day=first_day,
        last_day=last_day,
        period_start=cut.since,
        period_end=cut.until,
        cut_seq=cut.seq,
        previous_cut_seq=cut.after_seq,
        visit_count=sum(line.journal_count for line in found if line.kind in {"visits", "programme_visits"}),
        gross_minor=amounts["visits"] + amounts["programme_visits"],
        refunds_minor=-(amounts["refunds"] + amounts["programme_refunds"]),
        provider_fees_minor=-amounts["provider_fees"],
        operator_fee_minor=fee_minor,
        payable_minor=sum(amounts.values()),
        due_to_operator_minor=fee_minor - sum(programmes_minor.values()),
        document_sha256=digest,
    )
    # Two who propose at once: the second finds the first's statement in its way and asks again.
    with refusing(
        settlement_statement_tenant_id_currency_number_key=PeriodAlreadySettled,
        settlement_statement_tenant_id_currency_period_end_key=PeriodAlreadySettled,
    ):
        session.add(row)
    session.add_all(
        SettlementLine(
            tenant_id=row.tenant_id,
            statement_id=row.id,
            line_no=line_no,
            kind=line.kind,
            account_code=line.account_code,
            journal_count=line.journal_count,
            amount_minor=line.amount_minor,
            currency=cut.currency,
        )
        for line_no, line in enumerate(found, start=1)
    )
    audit.record(action="settlement_statement.proposed", object_type="settlement_statement", object_id=row.id)
    outbox.add(StatementProposed(row.id))
    return row


def _document(cut: Cut, found: list[Line], first_day: date, last_day: date, number: int) -> tuple[bytes, str]:
    facts = {
        "hospital_id": str(tenant_id()),
        "number": number,
        "currency": cut.currency,
        "first_day": first_day.isoformat(),
        "last_day": last_day.isoformat(),
        "cut_seq": cut.seq,
        "previous_cut_seq": cut.after_seq,
        "book_seal": lines.chain_head(cut.currency, cut.seq),
        "payable_minor": sum(line.amount_minor for line in found),
    }
    return lines.document(facts, found)


def _first_day(currency: str, through: date) -> date:
    opened_at = book_opened_at(currency)
    if opened_at is None:
        raise NothingToSettle
    return min(opened_at.astimezone(ZoneInfo(clock.BUSINESS_ZONE)).date(), through)
