"""What a confirmed statement left between the parties is paid, or carried forward; a job books it and closes it."""

from datetime import date
from uuid import UUID

from tandem.billing.ledger import mirror_currency, post
from tandem.billing.settlements import postings, queries
from tandem.billing.settlements.commands.statements import sums_of
from tandem.billing.settlements.errors import NothingToCarry, TransferUnderWay
from tandem.billing.settlements.events import StatementPaid
from tandem.billing.settlements.models import NEXT, SettlementStatement
from tandem.kernel import clock, jobs, outbox
from tandem.kernel.states import move


def record_payment(statement_id: UUID, *, paid_on: date, reference: str) -> SettlementStatement:
    """What the statement left due was paid, but for what is disputed; a job books it. [hospital, operator's role]

    Raises TransferUnderWay while the provider may be sending the same, TransitionRefused before the hospital confirmed
    it, NotFound.
    """
    row = _held(statement_id)
    move(row, "paid", NEXT)
    withheld_minor = 0
    for dispute in queries.open_line_disputes(row.id):
        dispute.is_withheld = True
        withheld_minor += dispute.withheld_minor
    row.paid_on, row.payment_reference = paid_on, reference
    row.paid_minor = row.due_to_operator_minor - withheld_minor
    outbox.add(StatementPaid(row.id))
    return row


def carry_forward(statement_id: UUID) -> SettlementStatement:
    """The hospital agrees that what the operator owes it goes to the next statement, its own and no other's. [hospital]

    Raises NothingToCarry where the operator owes nothing, TransferUnderWay, TransitionRefused, NotFound.
    """
    row = _held(statement_id)
    if row.due_to_operator_minor >= 0:
        raise NothingToCarry(due_to_operator_minor=row.due_to_operator_minor)
    move(row, "paid", NEXT, because="carried forward")
    row.paid_on, row.payment_reference, row.paid_minor = clock.today(), None, 0
    outbox.add(StatementPaid(row.id))
    return row


def book_payment(statement_id: UUID) -> None:
    """Book a paid statement in the hospital's book, ask for its mirror, and close it. [hospital]"""
    row = queries.statement(statement_id, for_update=True)
    if row.status != "paid" or row.paid_on is None:
        return
    programmes_minor = sums_of(row).programmes_minor
    paid_minor = row.due_to_operator_minor if row.paid_minor is None else row.paid_minor
    # What was paid in cash, and what the programmes owe and was set against the fee, settles the fee.
    fee_minor = paid_minor + sum(programmes_minor.values())
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


def _held(statement_id: UUID) -> SettlementStatement:
    """The statement, locked; whoever wishes a transfer locks it too, so one of the two ways is chosen and not both."""
    row = queries.statement(statement_id, for_update=True)
    if queries.is_being_transferred(row.id):
        raise TransferUnderWay
    return row
