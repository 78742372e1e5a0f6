"""Statements between employer and operator: drafted and proposed by the one, confirmed by the other, paid, closed."""

from collections import Counter
from datetime import date, timedelta
from typing import cast
from uuid import UUID

from tandem.billing.invoices import book_draws
from tandem.billing.ledger import cut_of
from tandem.billing.settlements import employer_lines, lines, queries
from tandem.billing.settlements.commands.spans import ends_on, next_span
from tandem.billing.settlements.employer_lines import Correction, ProgrammeLine, Told
from tandem.billing.settlements.errors import NothingPrepaid, PeriodAlreadySettled, StatementChanged
from tandem.billing.settlements.lines import Cut
from tandem.billing.settlements.models import (
    EMPLOYER_LAYOUT,
    EMPLOYER_NEXT,
    EmployerStatement,
    EmployerStatementLine,
)
from tandem.kernel import clock
from tandem.kernel.database import refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, tenant_id


def draft_employer_statement(through: date, *, currency: str = "CNY") -> EmployerStatement:
    """The period since the last statement, up to and with the day `through`, for the operator to look at. [employer]

    Drafted again for the same last day it is the same statement; a draft before it goes to the employer. Raises
    NothingPrepaid for an empty book, PeriodNotOver, and PeriodAlreadySettled for a day inside an earlier statement.
    """
    last = queries.last_employer_statement(currency)
    if ends_on(last, through) and last is not None:
        return last
    if last is not None and last.status == "draft":
        _put_forward(last)
    cut, first_day = next_span(last, through, currency, empty=NothingPrepaid)
    return _save(cut, first_day, through, last)


def propose_employer_statement(through: date, *, currency: str = "CNY") -> EmployerStatement:
    """Put the period since the last statement before the employer. [employer]

    Proposed again for the same last day it is the same statement. Raises what `draft_employer_statement` raises.
    """
    row = draft_employer_statement(through, currency=currency)
    if row.status == "draft":
        _put_forward(row)
    return row


def propose_employer_draft(statement_id: UUID) -> EmployerStatement:
    """A draft goes to the employer. [employer, operator's role] Raises TransitionRefused, NotFound."""
    row = queries.employer_statement(statement_id, for_update=True)
    _put_forward(row)
    return row


def confirm_employer_statement(statement_id: UUID) -> EmployerStatement:
    """The employer's signature, which the operator's database role cannot write; but for what it disputes. [employer]

    Where its invoices leave nothing open, it is paid at once. Raises StatementChanged, TransitionRefused, NotFound.
    """
    row = queries.employer_statement(statement_id, for_update=True)
    if employer_document_of(row)[1] != row.document_sha256:
        raise StatementChanged(statement_id=row.id)
    move(row, "confirmed", EMPLOYER_NEXT)
    row.confirmed_at = clock.now()
    # What both have put their hands to is the expense of the period's last moment, one sum for each programme.
    kept = queries.lines_of_employer_statement(row.id)
    told = {line["programme_id"]: line["drawn_minor"] or 0 for line in kept}
    book_draws(told, key=str(row.id), at=row.period_end - timedelta(microseconds=1), currency=row.currency)
    _settle(row)
    return row


def settle_employer_statements() -> None:
    """Confirmed statements whose invoices were paid since are paid. Done again, it changes nothing. [employer]"""
    for row in queries.confirmed_employer_statements():
        _settle(row)


def close_employer_statement(statement_id: UUID) -> EmployerStatement:
    """Both have agreed, what was owed was paid, nothing more is done about it. [employer, operator's role]

    Raises TransitionRefused, NotFound.
    """
    row = queries.employer_statement(statement_id, for_update=True)
    if row.status == "confirmed":
        _settle(row)
    move(row, "closed", EMPLOYER_NEXT)
    row.closed_at = clock.now()
    return row


def employer_document_of(row: EmployerStatement) -> tuple[bytes, str]:
    """The statement as bytes, run anew from both books at their cuts, and their SHA-256. [employer]"""
    return _document(row, *_said_again(row))


def corrections_of(row: EmployerStatement) -> list[Correction]:
    """What a statement says of earlier ones. [employer]"""
    return employer_lines.corrections(cut_of_employer_statement(row), row.number)


def cut_of_employer_statement(row: EmployerStatement) -> Cut:
    """Which journals of the employer's book a statement takes."""
    return Cut(row.currency, row.period_start, row.period_end, row.previous_cut_seq, row.cut_seq)


def _said_again(row: EmployerStatement) -> tuple[list[ProgrammeLine], list[Correction]]:
    kept = queries.lines_of_employer_statement(row.id)
    told = {line["programme_id"]: Told(line["drawn_after_seq"], line["drawn_since"]) for line in kept}
    tells = {line["programme_id"] for line in kept if line["is_told"]}
    again = employer_lines.lines_again(cut_of_employer_statement(row), row.operator_cut_seq, told, tells)
    return again, corrections_of(row)


def _settle(row: EmployerStatement) -> None:
    disputes = queries.open_line_disputes(row.id)
    withheld: Counter[UUID] = Counter()
    for dispute in disputes:
        withheld[cast("UUID", dispute.programme_id)] += dispute.withheld_minor
    if any(left > withheld[each] for each, left in queries.left_open(row).items()):
        return
    move(row, "paid", EMPLOYER_NEXT)
    row.paid_at, row.withheld_minor = clock.now(), withheld.total()
    for dispute in disputes:
        dispute.is_withheld = True


def _put_forward(row: EmployerStatement) -> None:
    move(row, "proposed", EMPLOYER_NEXT)
    row.proposed_at = clock.now()


def _save(cut: Cut, first_day: date, last_day: date, last: EmployerStatement | None) -> EmployerStatement:
    with acting_for(OPERATOR_ID, operator=True):
        operator_seq = cut_of(cut.currency)
    told = _told_through(last) if last is not None else {}
    found = employer_lines.new_lines(cut, operator_seq, told)
    row = EmployerStatement(
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
        operator_cut_seq=operator_seq,
        layout=EMPLOYER_LAYOUT,
        status="draft",
        document_sha256="",
        **employer_lines.totals_of(found),
    )
    row.document_sha256 = _document(row, found, corrections_of(row))[1]
    # Two who propose at once: the second finds the first's statement in its way and asks again.
    with refusing(
        employer_statement_tenant_id_currency_number_key=PeriodAlreadySettled,
        employer_statement_tenant_id_currency_period_end_key=PeriodAlreadySettled,
    ):
        session.add(row)
    _save_lines(row, found)
    return row


def _save_lines(row: EmployerStatement, found: list[ProgrammeLine]) -> None:
    session.add_all(
        EmployerStatementLine(
            tenant_id=row.tenant_id,
            statement_id=row.id,
            line_no=line_no,
            programme_id=line.programme_id,
            drawn_after_seq=line.told_before.seq,
            drawn_since=line.told_before.until,
            is_told=line.is_told,
            invoiced_minor=line.invoiced_minor,
            paid_minor=line.paid_minor,
            units_drawn=line.units_drawn,
            drawn_minor=line.drawn_minor,
            adjusted_minor=line.adjusted_minor,
            open_minor=line.open_minor,
            unspent_minor=line.unspent_minor,
            currency=row.currency,
        )
        for line_no, line in enumerate(found, start=1)
    )
    session.flush()


def _told_through(last: EmployerStatement) -> dict[UUID, Told]:
    """How far each programme's draws have been told, up to and with a statement."""
    return {
        line["programme_id"]: Told(last.operator_cut_seq, last.period_end)
        if line["is_told"]
        else Told(line["drawn_after_seq"], line["drawn_since"])
        for line in queries.lines_of_employer_statement(last.id)
    }


def _document(row: EmployerStatement, found: list[ProgrammeLine], corrected: list[Correction]) -> tuple[bytes, str]:
    with acting_for(OPERATOR_ID, operator=True):
        operator_seal = lines.chain_head(row.currency, row.operator_cut_seq)
    facts = {
        "employer_id": str(row.tenant_id),
        "number": row.number,
        "currency": row.currency,
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "cut_seq": row.cut_seq,
        "previous_cut_seq": row.previous_cut_seq,
        "book_seal": lines.chain_head(row.currency, row.cut_seq),
        "operator_book_seal": operator_seal,
    }
    return employer_lines.employer_document(facts, found, corrected, row.layout)
