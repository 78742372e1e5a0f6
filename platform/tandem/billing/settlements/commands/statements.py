"""Statements between hospital and operator: drafted and proposed by the one, confirmed by the other, paid, closed."""

from datetime import date
from typing import Any
from uuid import UUID

from tandem.billing.prices import guard_limits_on
from tandem.billing.settlements import guards, lines, queries
from tandem.billing.settlements.commands.spans import ends_on, next_span
from tandem.billing.settlements.errors import NothingToSettle, PeriodAlreadySettled, StatementChanged
from tandem.billing.settlements.events import StatementConfirmed, StatementParked, StatementProposed
from tandem.billing.settlements.lines import Cut, Sums
from tandem.billing.settlements.models import LAYOUT, NEXT, SettlementCarry, SettlementLine, SettlementStatement
from tandem.kernel import clock, outbox, telemetry
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id


def draft_statement(through: date, *, currency: str = "CNY") -> SettlementStatement:
    """The period since the last statement, up to and with the day `through`, for the operator to look at. [hospital]

    Drafted again for the same last day it is the same statement. Raises NothingToSettle for an empty book,
    PeriodNotOver, and PeriodAlreadySettled for a day inside an earlier statement.
    """
    last = queries.last_statement(currency)
    if ends_on(last, through) and last is not None:
        return last
    if last is not None and last.status == "draft":
        _put_forward(last)
    cut, first_day = next_span(last, through, currency, empty=NothingToSettle)
    return _save(cut, first_day, through, last)


def propose_statement(through: date, *, currency: str = "CNY") -> SettlementStatement:
    """Put the period since the last statement before the hospital, or park it where it is out of line. [hospital]

    Proposed again for the same last day it is the same statement. Raises what `draft_statement` raises.
    """
    row = draft_statement(through, currency=currency)
    if row.status == "draft":
        _put_forward(row)
    return row


def propose_draft(statement_id: UUID) -> SettlementStatement:
    """A draft goes to the hospital, or is parked where it is out of line. [hospital, operator's role]

    Raises TransitionRefused, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    _put_forward(row)
    return row


def release_statement(statement_id: UUID, *, because: str) -> SettlementStatement:
    """Somebody looked at a parked statement: it goes to the hospital after all. [hospital, operator's role]

    Raises TransitionRefused, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    move(row, "proposed", NEXT, because=because)
    row.proposed_at = clock.now()
    outbox.add(StatementProposed(row.id))
    return row


def confirm_statement(statement_id: UUID) -> SettlementStatement:
    """The hospital's signature under a statement, but for the lines it disputes. [hospital]

    Raises StatementChanged, TransitionRefused, NotFound.
    """
    row = queries.statement(statement_id, for_update=True)
    if document_of(row)[1] != row.document_sha256:
        raise StatementChanged(statement_id=row.id)
    move(row, "confirmed", NEXT)
    row.confirmed_at = clock.now()
    outbox.add(StatementConfirmed(row.id))
    return row


def dispute_statement(statement_id: UUID, *, because: str) -> SettlementStatement:
    """The hospital does not agree at all; it can still confirm later. [hospital] Raises TransitionRefused, NotFound."""
    row = queries.statement(statement_id, for_update=True)
    move(row, "disputed", NEXT)
    row.dispute_reason = because
    return row


def document_of(row: SettlementStatement) -> tuple[bytes, str]:
    """The statement as bytes, run anew from the entries at its cut, and their SHA-256. [hospital]"""
    return _document(row, sums_of(row))


def sums_of(row: SettlementStatement) -> Sums:
    """What the entries of a statement add up to, run anew. [hospital]"""
    return lines.sums_at(cut_of_statement(row), row.layout, waited_before=_waited_before(queries.statement_before(row)))


def cut_of_statement(row: SettlementStatement) -> Cut:
    """Which journals a statement takes."""
    return Cut(row.currency, row.period_start, row.period_end, row.previous_cut_seq, row.cut_seq)


def _put_forward(row: SettlementStatement) -> None:
    limits = guards.Limits(**guard_limits_on(clock.today(), "statement"))
    reason = guards.out_of_line(row, queries.statements_before(row, limit=limits.history_periods), limits)
    if reason is not None:
        move(row, "parked", NEXT, because=reason)
        row.parked_reason = reason
        telemetry.count("settlement_statements_parked")
        outbox.add(StatementParked(row.id))
        return
    move(row, "proposed", NEXT)
    row.proposed_at = clock.now()
    outbox.add(StatementProposed(row.id))


def _save(cut: Cut, first_day: date, last_day: date, last: SettlementStatement | None) -> SettlementStatement:
    sums = lines.sums_at(cut, LAYOUT, waited_before=_waited_before(last))
    row = SettlementStatement(
        tenant_id=tenant_id(),
        id=new_id(),
        number=last.number + 1 if last is not None else 1,
        currency=cut.currency,
        first_day=first_day,
        last_day=last_day,
        period_start=cut.since,
        period_end=cut.until,
        cut_seq=cut.seq,
        previous_cut_seq=cut.after_seq,
        layout=LAYOUT,
        status="draft",
        visit_count=sum(line.entry_count for line in sums.lines if line.kind.name in {"visits", "programme_visits"}),
        gross_minor=sums.amount_minor("visits", "programme_visits"),
        refunds_minor=-sums.amount_minor("refunds", "programme_refunds"),
        provider_fees_minor=-sums.amount_minor("provider_fees"),
        operator_fee_minor=sums.fee_minor,
        fee_waiting_before_minor=sums.waiting_before_minor,
        fee_waiting_minor=sums.waiting_minor,
        fees_in_dispute_minor=-sums.amount_minor("fees_beyond_caps"),
        payable_minor=sums.payable_minor,
        due_to_operator_minor=0,
        document_sha256="",
    )
    # Two who propose at once: the second finds the first's statement in its way and asks again.
    with refusing(
        settlement_statement_tenant_id_currency_number_key=PeriodAlreadySettled,
        settlement_statement_tenant_id_currency_period_end_key=PeriodAlreadySettled,
    ):
        session.add(row)
    row.carried_in_minor = _carry_in(row)
    row.due_to_operator_minor = sums.fee_payable_minor - sum(sums.programmes_minor.values()) + row.carried_in_minor
    row.document_sha256 = _document(row, sums)[1]
    _save_lines(row, sums)
    return row


def _save_lines(row: SettlementStatement, sums: Sums) -> None:
    session.add_all(
        SettlementLine(
            tenant_id=row.tenant_id,
            statement_id=row.id,
            line_no=line_no,
            kind=line.kind.name,
            account_code=line.kind.account_code,
            journal_count=line.entry_count,
            amount_minor=line.amount_minor,
            late_minor=line.late_minor,
            is_memo=line.kind.is_memo,
            currency=row.currency,
        )
        for line_no, line in enumerate(sums.lines, start=1)
    )
    session.flush()


def _carry_in(row: SettlementStatement) -> int:
    """Take up what earlier statements left: disputed sums that are resolved, results that were carried forward."""
    carries = [
        SettlementCarry(tenant_id=row.tenant_id, to_id=row.id, **left)
        for left in queries.left_over(row.currency, row.id)
    ]
    session.add_all(carries)
    session.flush()
    return sum(carry.amount_minor for carry in carries)


def _waited_before(last: SettlementStatement | None) -> bool:
    # A statement of the first layout asked for the whole fee at once, so nothing of it waits any more.
    return last is not None and last.layout > 1


def _document(row: SettlementStatement, sums: Sums) -> tuple[bytes, str]:
    facts: dict[str, Any] = {
        "hospital_id": str(tenant_id()),
        "number": row.number,
        "currency": row.currency,
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "cut_seq": row.cut_seq,
        "previous_cut_seq": row.previous_cut_seq,
        "book_seal": lines.chain_head(row.currency, row.cut_seq),
    }
    if row.layout > 1:
        carried = queries.carries_into(row.id)
        owed = sum(sums.programmes_minor.values())
        due = sums.fee_payable_minor - owed + sum(carry["amount_minor"] for carry in carried)
        facts |= {"carried": carried, "due_to_operator_minor": due}
    return lines.document(facts, sums, row.layout)
