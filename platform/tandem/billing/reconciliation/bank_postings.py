"""Journals of bank lines that are nobody's: into suspense as they came, and out of it by the reason of their exit."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from tandem.billing.ledger import JournalDraft, journal_by_rule
from tandem.billing.reconciliation.models import BankLineExit
from tandem.kernel import clock

CAME: Final = "bank_unexplained"
RETURNED: Final = "bank_line_returned"
UNDONE: Final = "bank_exit_undone"
"""The kind of a journal that no posting rule makes: an exit's journals, reversed line by line."""
_OUT: Final = {
    "bank_charge": ("bank_charged", -1),
    "bank_interest": ("bank_interest", 1),
    "unexplained": ("bank_unclaimed", 1),
}
"""By which rule a sum leaves suspense, and how the rule counts it; what is returned leaves when the bank says so."""


def let_out(row: BankLineExit, booked_on: date) -> Sequence[JournalDraft]:
    """What came in on a day (or went out) is in the book, and leaves suspense for the reason that two people gave."""
    came_at = clock.day_bounds(booked_on)[0]
    drafts = [_draft(row, CAME, row.amount_minor, came_at)]
    if row.reason in _OUT:
        rule, sign = _OUT[row.reason]
        # Who looked for an owner until yesterday did not have unclaimed money all along.
        at = row.decided_at if row.reason == "unexplained" and row.decided_at else came_at
        drafts.append(_draft(row, rule, sign * row.amount_minor, at))
    return drafts


def given_back(row: BankLineExit, returned_on: date) -> JournalDraft:
    """The sender has it again."""
    return _draft(row, RETURNED, row.amount_minor, clock.day_bounds(returned_on)[0])


def _draft(row: BankLineExit, rule: str, amount_minor: int, at: datetime) -> JournalDraft:
    told: dict[str, Any] = {"source_type": "bank_line_exit", "source_id": row.id, "currency": row.currency}
    return journal_by_rule(
        rule, amounts={"amount": amount_minor}, key=f"bank_line_exit:{row.id}", effective_at=at, **told
    )
