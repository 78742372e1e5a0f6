"""How a sum of a bank's line that is nobody's leaves it: one person says why, another agrees, and two take it back.

The line is spent first, like on an invoice, in the operator's tenant, where the database keeps it from being spent
twice; the journals are booked by a job, for no role of the operator's people may post to a book.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from tandem.accounts import deciding_hand
from tandem.billing.ledger import post, reversals_of
from tandem.billing.reconciliation import bank_postings
from tandem.billing.reconciliation.bank_matching import take_turn
from tandem.billing.reconciliation.commands.banking import claim_transfers, transfers_sent
from tandem.billing.reconciliation.commands.parts import FreeLine, free_line
from tandem.billing.reconciliation.commands.recorded import Recorded, spend_on_recorded
from tandem.billing.reconciliation.errors import (
    BankExitExists,
    BankExitUnfit,
    BankLineNeedsSecond,
    BankLineOverdrawn,
    BankLineTaken,
    BankLineTooYoung,
)
from tandem.billing.reconciliation.events import BankLineExitMoved
from tandem.billing.reconciliation.models import EXIT_NEXT, EXITS_AWAITED, BankAllocation, BankLineExit, BankLineRow
from tandem.billing.reconciliation.proposals import REVERSAL
from tandem.billing.reconciliation.rules import rules_in_force
from tandem.kernel import audit, clock, outbox
from tandem.kernel.audit import actor_name
from tandem.kernel.database import own_row, refusing, session
from tandem.kernel.ids import new_id
from tandem.kernel.states import move
from tandem.kernel.tenancy import tenant_id

RETURNS_AT_ONCE: Final = 10_000
_OUTGOING: Final = ("bank_charge", "bank_interest")


@dataclass(frozen=True, slots=True)
class SaidElsewhere:
    """What other tenants' rows say of a line: what people recorded under its reference, and whether it names a
    repayment, which the matcher records and claims for it.
    """

    recorded: Sequence[Recorded] = ()
    is_repayment: bool = False


def propose_exit(
    line_id: UUID, *, reason: str, because: str, amount_minor: int | None = None, told: SaidElsewhere
) -> tuple[BankLineExit, Sequence[BankAllocation]]:
    """Say why a sum of a line, or all that is left of it, is nobody's; another person agrees. [operator]

    `amount_minor` has the line's direction. What people recorded under its reference is paid by it first; those parts
    come back with the exit, for jobs to record. Raises BankLineTaken, BankLineOverdrawn, BankExitUnfit,
    BankLineTooYoung, BankExitExists, NotFound.
    """
    take_turn()
    line, spent = _free(line_id, told)
    row_id = new_id()
    wanted = line.left_minor if amount_minor is None else amount_minor
    _require_left(line, wanted)
    _require_reason(line, reason)
    row = BankLineExit(
        tenant_id=tenant_id(), id=row_id, bank_line_id=line.id, amount_minor=wanted, currency=line.currency,
        reason=reason, because=because, reference=f"BX{row_id.hex[-12:].upper()}", proposed_by=deciding_hand(),
    )  # fmt: skip
    with refusing(bank_line_exit_once_key=BankExitExists):
        session.add(row)
    audit.record(
        action="bank_line_exit.proposed", object_type="bank_line_exit", object_id=row.id,
        details={"bank_line_id": str(line.id), "amount_minor": wanted, "reason": reason},
    )  # fmt: skip
    return row, spent


def approve_exit(exit_id: UUID, told: SaidElsewhere) -> tuple[BankLineExit, Sequence[BankAllocation]]:
    """The second person agrees: the sum leaves the line, and a job books it. [operator]

    What is no longer left of the line is refused as it would be when it is proposed, and stays proposed. Raises
    BankLineNeedsSecond, BankLineTaken, BankLineOverdrawn, TransitionRefused, NotFound.
    """
    take_turn()
    row, decider = own_row(BankLineExit, exit_id, for_update=True), deciding_hand()
    if row.proposed_by == decider:
        raise BankLineNeedsSecond
    move(row, "approved", EXIT_NEXT)
    row.decided_by, row.decided_at = decider, clock.now()
    line, spent = _free(row.bank_line_id, told)
    _require_left(line, row.amount_minor)
    _take(row, line, row.amount_minor)
    return row, spent


def refuse_exit(exit_id: UUID, *, because: str) -> BankLineExit:
    """It is not so, or not like this; who proposed it withdraws it so, too. Raises TransitionRefused, NotFound."""
    row = own_row(BankLineExit, exit_id, for_update=True)
    move(row, "refused", EXIT_NEXT, because=because)
    row.decided_by, row.decided_at, row.refused_because = deciding_hand(), clock.now(), because
    return row


def propose_undoing(exit_id: UUID, *, because: str) -> BankLineExit:
    """Its owner turned up: say so; another person agrees. Raises TransitionRefused, NotFound."""
    row = own_row(BankLineExit, exit_id, for_update=True)
    move(row, "undoing", EXIT_NEXT, because=because)
    row.undo_proposed_by, row.undo_because = deciding_hand(), because
    return row


def approve_undoing(exit_id: UUID) -> BankLineExit:
    """The second person agrees: the line has the sum again, and a job reverses what was booked. [operator]

    Raises BankLineNeedsSecond, TransitionRefused, NotFound.
    """
    take_turn()
    row, decider = own_row(BankLineExit, exit_id, for_update=True), deciding_hand()
    if row.status == "undoing" and row.undo_proposed_by == decider:
        raise BankLineNeedsSecond
    move(row, "undone", EXIT_NEXT)
    row.undo_decided_by, row.undone_at = decider, clock.now()
    _take(row, free_line(row.bank_line_id, gives_back=True), -row.amount_minor)
    return row


def refuse_undoing(exit_id: UUID, *, because: str) -> BankLineExit:
    """It stays nobody's. Raises TransitionRefused, NotFound."""
    row = own_row(BankLineExit, exit_id, for_update=True)
    move(row, "kept", EXIT_NEXT, because=because)
    return row


def settle_returns() -> list[UUID]:
    """Find the outgoing lines by which senders have their money again; returns which exits they settle. [operator]"""
    take_turn()
    wanted = (
        select(BankLineExit)
        .where(
            BankLineExit.tenant_id == tenant_id(),
            BankLineExit.reason == "return_to_sender",
            BankLineExit.status.in_(EXITS_AWAITED),
        )
        .order_by(BankLineExit.decided_at, BankLineExit.id)
        .limit(RETURNS_AT_ONCE)
    )
    due = {row.id: row for row in session.scalars(wanted.with_for_update())}
    meant = {(row.reference, row.amount_minor, row.currency): (row.tenant_id, row.id) for row in due.values()}
    sent = transfers_sent(meant)
    for line, (_, exit_id) in sent:
        row = due[exit_id]
        move(row, "returned", EXIT_NEXT)
        row.returned_line_id, row.returned_on = line["id"], line["booked_on"]
        outbox.add(BankLineExitMoved(row.id))
    if sent:
        claim_transfers([(line["id"], exit_id, line["amount_minor"]) for line, (_, exit_id) in sent], side="exit")
    return [exit_id for _, (_, exit_id) in sent]


def book_exit(exit_id: UUID) -> None:
    """Book what has become of an exit so far, each step once, in whatever order it is heard of. [the operator's job]"""
    row = own_row(BankLineExit, exit_id, for_update=True)
    if row.decided_at is None or row.status == "refused":
        return
    line = own_row(BankLineRow, row.bank_line_id)
    drafts = list(bank_postings.let_out(row, line.booked_on))
    if row.returned_on is not None:
        drafts.append(bank_postings.given_back(row, row.returned_on))
    booked = post(drafts)
    if row.undone_at is not None:
        keys = {item.journal_id: f"{draft.kind}:{row.id}" for draft, item in zip(drafts, booked.items, strict=True)}
        undone = {journal_id: key for journal_id, key in keys.items() if journal_id is not None}
        reversed_by = reversals_of(undone, kind=bank_postings.UNDONE, effective_at=row.undone_at)
        post([each._replace(rule_version=f"{REVERSAL}@1") for each in reversed_by.values()])


def bank_line_exit(exit_id: UUID) -> BankLineExit:
    """An exit of the scope. Raises NotFound."""
    return own_row(BankLineExit, exit_id)


def _free(line_id: UUID, told: SaidElsewhere) -> tuple[FreeLine, Sequence[BankAllocation]]:
    """The line as it is now, and what of it was spent on what is recorded; the caller has the turn."""
    if told.is_repayment:
        raise BankLineTaken
    spent = spend_on_recorded(told.recorded)
    return free_line(line_id, told.recorded), spent


def _require_left(line: FreeLine, wanted: int) -> None:
    left = line.left_minor
    if not left:
        raise BankLineTaken
    if not wanted or (wanted > 0) != (left > 0) or abs(wanted) > abs(left):
        raise BankLineOverdrawn(line_minor=line.amount_minor, left_minor=left)


def _require_reason(line: FreeLine, reason: str) -> None:
    if line.amount_minor < 0 and reason not in _OUTGOING:
        raise BankExitUnfit(reasons=list(_OUTGOING))
    if reason == "unexplained":
        from_day = line.booked_on + timedelta(days=rules_in_force().value("bank_unexplained_days"))
        if clock.today() < from_day:
            raise BankLineTooYoung(from_day=from_day.isoformat())


def _take(row: BankLineExit, line: FreeLine, amount_minor: int) -> None:
    """Take the exit's sum out of its line, or put it back; a job books it."""
    with refusing(
        bank_allocation_place_key=BankLineTaken,
        bank_allocation_within_the_line_check=BankLineOverdrawn,
        bank_line_exit_four_eyes_check=BankLineNeedsSecond,
        bank_line_exit_undone_check=BankLineNeedsSecond,
    ):
        session.add(
            BankAllocation(
                tenant_id=tenant_id(), id=new_id(), bank_line_id=line.id, line_minor=line.amount_minor,
                bank_line_exit_id=row.id, exit_minor=row.amount_minor, amount_minor=amount_minor,
                **line.last.before(amount_minor), rule="exit", allocated_by=actor_name(), allocated_at=clock.now(),
            )
        )  # fmt: skip
    outbox.add(BankLineExitMoved(row.id))
