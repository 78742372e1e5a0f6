"""A journal before it is booked, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from tandem.billing.ledger.errors import JournalRefused

RULES: Final = "2026.1"
"""The version of the posting rules in the code at hand (money.md 2.3); each journal says which it was made by."""


# Drafts and lines are named tuples: a batch makes tens of thousands of them, and a frozen dataclass costs four times
# as much to make.


class Line(NamedTuple):
    """One entry to be: an account of the chart and a signed amount in minor units, debit positive.

    `party_id` names an organisation or a programme, where the chart keeps the account by party; never a person.
    """

    account_code: str
    amount_minor: int
    party_id: UUID | None = None


class JournalDraft(NamedTuple):
    """One fact to be booked; say it with keywords. `kind` and `key` name it: booked once, whoever asks how often.

    `effective_at` is when it was true, from the fact itself and not from the clock of whoever books it: the same
    fact told twice must read the same. `correlation_id` ties it to the other party's mirror of it.
    """

    kind: str
    key: str
    effective_at: datetime
    lines: Sequence[Line]
    source_type: str
    source_id: UUID | str
    currency: str = "CNY"
    correlation_id: UUID | None = None
    rule_version: str = RULES
    reverses: UUID | None = None


class Posted(NamedTuple):
    """What became of one draft: `seq` is its place in the book, None when it was refused."""

    kind: str
    key: str
    outcome: Literal["posted", "duplicate", "refused"]
    journal_id: UUID | None = None
    seq: int | None = None
    refusal: JournalRefused | None = None


@dataclass(frozen=True, slots=True)
class PostingResult:
    """One answer per draft, in the order of the drafts."""

    items: Sequence[Posted]

    @property
    def refusals(self) -> list[JournalRefused]:
        return [item.refusal for item in self.items if item.refusal is not None]

    @property
    def journal_ids(self) -> list[UUID]:
        """Ids of the posted and of the already posted, in order."""
        return [item.journal_id for item in self.items if item.journal_id is not None]
