"""Sums of the operator's bank lines that are nobody's, over HTTP: how they leave, and come back for their owner."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tandem.billing.payments import transfers_named
from tandem.billing.reconciliation import commands, desk, jobs
from tandem.billing.reconciliation.errors import (
    BankExitExists,
    BankExitUnfit,
    BankLineNeedsSecond,
    BankLineOverdrawn,
    BankLineTaken,
    BankLineTooYoung,
)
from tandem.billing.reconciliation.models import BankAllocation, BankLineExit
from tandem.billing.reconciliation.schemas import (
    BankLineExitSchema,
    BankLineExitsQuery,
    BankLineExitWishSchema,
    BankLineRefusalSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api
from tandem.kernel.jobs import enqueue
from tandem.kernel.tenancy import across_tenants

operator_api = Api("bank_line_exits", audience="operator", tag="Reconciliation")
APIS: Final = [operator_api]
_ONE: Final = "/bank_line_exits/<uuid:exit_id>"
_AGREEING: Final[dict[str, Any]] = {"allow": "settlements.release", "gives": BankLineExitSchema}
_SAYING: Final[dict[str, Any]] = {
    "allow": "payments.record",
    "takes": BankLineRefusalSchema,
    "gives": BankLineExitSchema,
}


@operator_api.get(
    "/bank_line_exits", allow="reconciliation.read", gives=BankLineExitSchema, query=BankLineExitsQuery, many=True
)
def list_bank_line_exits(query: dict[str, Any]) -> Page:
    """Sums of lines that are nobody's, newest first; one to be returned is the instruction to make that transfer."""
    return desk.bank_line_exits(**query)


@operator_api.post(
    "/bank_lines/<uuid:bank_line_id>/exits",
    allow="payments.record",
    takes=BankLineExitWishSchema,
    gives=BankLineExitSchema,
    problems=(BankLineTaken, BankLineOverdrawn, BankExitUnfit, BankLineTooYoung, BankExitExists),
)
def propose_exit(bank_line_id: UUID, wish: dict[str, Any]) -> BankLineExit:
    """Say why a sum of a line is nobody's; a colleague agrees before it leaves."""
    row, spent = commands.propose_exit(bank_line_id, **wish, told=_told_of(bank_line_id))
    _record(spent)
    return row


@operator_api.post(f"{_ONE}/approval", problems=(BankLineNeedsSecond, BankLineTaken, BankLineOverdrawn), **_AGREEING)
def approve_exit(exit_id: UUID) -> BankLineExit:
    """Agree that a sum is nobody's: it leaves its line, and a job books it."""
    asked = commands.bank_line_exit(exit_id)
    row, spent = commands.approve_exit(exit_id, _told_of(asked.bank_line_id))
    _record(spent)
    return row


@operator_api.post(f"{_ONE}/refusal", **_SAYING)
def refuse_exit(exit_id: UUID, wish: dict[str, Any]) -> BankLineExit:
    """Say no, or withdraw one's own; the line stays as it is."""
    return commands.refuse_exit(exit_id, because=wish["because"])


@operator_api.post(f"{_ONE}/undoing", **_SAYING)
def propose_undoing(exit_id: UUID, wish: dict[str, Any]) -> BankLineExit:
    """Say that the owner turned up; a colleague agrees before the line has its sum again."""
    return commands.propose_undoing(exit_id, because=wish["because"])


@operator_api.post(f"{_ONE}/undoing/approval", problems=(BankLineNeedsSecond,), **_AGREEING)
def approve_undoing(exit_id: UUID) -> BankLineExit:
    """Agree that the owner turned up: the line has its sum again, and a job reverses what was booked."""
    return commands.approve_undoing(exit_id)


@operator_api.post(f"{_ONE}/undoing/refusal", **_SAYING)
def refuse_undoing(exit_id: UUID, wish: dict[str, Any]) -> BankLineExit:
    """Say no: the sum stays nobody's."""
    return commands.refuse_undoing(exit_id, because=wish["because"])


def _told_of(bank_line_id: UUID) -> commands.SaidElsewhere:
    """What people recorded under the line's reference, and whether it is a repayment's transfer."""
    reference, said = commands.reference_of(bank_line_id), commands.said_by_line(bank_line_id)
    with across_tenants(reason="a bank line that is nobody's"):
        return commands.SaidElsewhere(commands.recorded_under(reference), bool(transfers_named(said)))


def _record(parts: Sequence[BankAllocation]) -> None:
    for part in parts:
        enqueue(jobs.record_allocation, allocation_id=part.id)
