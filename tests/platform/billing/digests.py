"""A book as a set of facts: what two books must share that tell the same story, whatever the order they heard it in.

A journal counts by what it says (kind, key, time of effect, lines) and not by its place in the book, the moment it
was booked, or the ids of our own rows.
"""

from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select

from tandem.billing.ledger import Account, Book, Entry, Journal, entries
from tandem.kernel.database import session
from tandem.kernel.jobs import JobRow
from tandem.kernel.tenancy import acting_for


def book_facts(tenant: UUID, *, keyed: bool = True) -> list[list[Any]]:
    """Every journal of the tenant's books as plain data, sorted; without keys and times when the stories were told
    to two tenants, whose rows and provider objects have ids and seconds of their own."""
    said = (Journal.kind, Book.currency, Journal.idem_key, Journal.effective_at)
    with acting_for(tenant):
        rows = session.execute(
            entries(Journal.seq, *said, Account.code, Account.party_id, Entry.amount_minor).order_by(
                Book.currency, Journal.seq, Account.code, Account.party_id, Entry.amount_minor
            )
        ).all()
    journals: dict[tuple[str, int], list[Any]] = {}
    for seq, kind, currency, key, at, code, party, amount_minor in rows:
        head = [kind, currency, key, at.isoformat()] if keyed else [kind, currency]
        party_said = None if party is None else ("self" if party == tenant else str(party)) if keyed else "party"
        journals.setdefault((currency, seq), [head, []])[1].append([code, party_said, amount_minor])
    # In the order of what they say: parties that have no name here were read in the order of their random ids.
    told = [[head, sorted(lines, key=orjson.dumps)] for head, lines in journals.values()]
    return sorted(told, key=orjson.dumps)


def book_digest(tenant: UUID, *, keyed: bool = True) -> str:
    """SHA-256 of `book_facts`: equal for equal stories."""
    return sha256(orjson.dumps(book_facts(tenant, keyed=keyed))).hexdigest()


def imbalance(tenant: UUID) -> list[Any]:
    """Journals that do not sum to zero: none, ever."""
    sums: dict[tuple[str, int], int] = {}
    with acting_for(tenant):
        for currency, seq, amount_minor in session.execute(entries(Book.currency, Journal.seq, Entry.amount_minor)):
            sums[currency, seq] = sums.get((currency, seq), 0) + amount_minor
    return [place for place, total in sums.items() if total]


def job_states(tenant: UUID) -> dict[str, int]:
    """How many jobs are in which state."""
    with acting_for(tenant):
        found = session.scalars(select(JobRow.state).where(JobRow.tenant_id == tenant)).all()
    return {state: found.count(state) for state in set(found)}
