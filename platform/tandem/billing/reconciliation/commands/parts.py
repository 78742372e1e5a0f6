"""What of a bank's line is taken, in parts that stand one behind the other; what else has a line keeps it whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import text

from tandem.billing.reconciliation.commands.recorded import Recorded
from tandem.billing.reconciliation.errors import BankLineOverdrawn, BankLineTaken
from tandem.kernel.database import session
from tandem.kernel.errors import NotFound
from tandem.kernel.tenancy import tenant_id


class Place(TypedDict):
    """Where a part stands in its line."""

    place: int
    follows_place: int | None
    taken_before_minor: int
    taken_minor: int


class Last(NamedTuple):
    """The last part of a line so far: its place, and what of the line was taken with it. Of an untouched one, zeros."""

    place: int
    taken_minor: int

    def before(self, amount_minor: int) -> Place:
        """Where the next part stands; a negative one of an incoming line gives back."""
        return {
            "place": self.place + 1,
            "follows_place": self.place or None,
            "taken_before_minor": self.taken_minor,
            "taken_minor": self.taken_minor + amount_minor,
        }


@dataclass(frozen=True, slots=True)
class FreeLine:
    """A line of the bank, and what of it has been taken; an outgoing one has negative sums."""

    id: UUID
    amount_minor: int
    currency: str
    booked_on: date
    place: int
    taken_minor: int

    @property
    def left_minor(self) -> int:
        return self.amount_minor - self.taken_minor

    @property
    def last(self) -> Last:
        return Last(self.place, self.taken_minor)


def free_line(line_id: UUID, recorded: Sequence[Recorded] = (), *, gives_back: bool = False) -> FreeLine:
    """A line as it is now, for whoever has the turn.

    Raises BankLineTaken for one that is matched with something else, BankLineOverdrawn where people `recorded` more
    under its reference than it is, NotFound. What `gives_back` is not asked that: it only adds to what is left.
    """
    found = session.execute(_LINE, {"tenant": tenant_id(), "line": line_id}).one_or_none()
    if found is None:
        raise NotFound
    if found.is_matched and not gives_back:
        raise BankLineTaken
    if found.amount_minor > 0 and not found.place and any(each.currency == found.currency for each in recorded):
        # More was recorded under its reference than it is: people look at that before anything else is done with it.
        raise BankLineOverdrawn(line_minor=found.amount_minor, left_minor=0)
    return FreeLine(found.id, found.amount_minor, found.currency, found.booked_on, found.place, found.taken_minor)


def left_of_line(line_id: UUID) -> int:
    """What of a line nothing has taken yet, in its own direction. Raises NotFound."""
    found = session.execute(_LINE, {"tenant": tenant_id(), "line": line_id}).one_or_none()
    if found is None:
        raise NotFound
    return 0 if found.is_matched else int(found.amount_minor - found.taken_minor)


# A claim stands beside an incoming line's parts, and instead of an outgoing one's.
_LINE: Final = text(
    "SELECT l.id, l.amount_minor, l.currency, l.booked_on, coalesce(x.place, 0) AS place, "
    "coalesce(x.taken_minor, 0) AS taken_minor, EXISTS (SELECT FROM recon_claim c WHERE c.tenant_id = :tenant "
    "AND c.side = 'bank' AND c.claimed_id = l.id) AND (x.place IS NULL OR l.amount_minor < 0) AS is_matched "
    "FROM bank_line l LEFT JOIN LATERAL ("
    "SELECT max(a.place) AS place, sum(a.amount_minor)::bigint AS taken_minor FROM bank_allocation a "
    "WHERE a.tenant_id = :tenant AND a.bank_line_id = l.id) x ON true WHERE l.tenant_id = :tenant AND l.id = :line"
)
