"""The accounts of a batch: found or opened, with what a posting must know of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from tandem.billing.arrays import plain_array, text_array
from tandem.billing.ledger.chart import CHART, fund_of
from tandem.billing.ledger.drafts import Line
from tandem.billing.ledger.errors import BalanceLimitReached, JournalRefused
from tandem.kernel import ids
from tandem.kernel.database import session
from tandem.kernel.tenancy import tenant_id

AccountKey = tuple[str, int | None]
"""What accounts are told apart by: a party's number is hashed by the machine, a UUID object by Python."""
MEDICAL, OPERATOR_CASH, CLOSED, LIMITED = 1, 2, 4, 8
MIXED: Final = MEDICAL | OPERATOR_CASH
_MARKS: Final = {"medical": MEDICAL, "operator_cash": OPERATOR_CASH, "other": 0}


class OpenAccount:
    """One account while a batch is posted: its number there, from 1, its marks, and its balance if it is limited."""

    __slots__ = (
        "balance", "ceiling", "code", "floor", "id", "is_new", "marks", "party", "place",
    )  # fmt: skip

    def __init__(self, code: str, party: UUID | None, marks: int) -> None:
        self.code, self.party, self.marks = code, party, marks
        self.id: str = ""
        self.is_new = True
        self.place = self.balance = 0
        self.floor: int | None = CHART[code].floor_minor
        self.ceiling: int | None = CHART[code].ceiling_minor


def find_accounts(book_id: UUID, wanted: Mapping[AccountKey, Line]) -> dict[AccountKey, OpenAccount]:
    """The accounts of these lines, found or yet to be opened; those that the chart does not allow are left out."""
    here = tenant_id()
    accounts: dict[AccountKey, OpenAccount] = {}
    for key, (code, _, party) in wanted.items():
        heading = CHART.get(code)
        if heading is not None and heading.by_party is (party is not None):
            accounts[key] = OpenAccount(code, party, _MARKS[fund_of(code, here)])
    listed = list(accounts.values())
    by_party = [(place, account) for place, account in enumerate(listed) if account.party is not None]
    alone = [(place, account) for place, account in enumerate(listed) if account.party is None]
    values = {
        "tenant": here,
        "book": book_id,
        "places": plain_array([place for place, _ in by_party]),
        "codes": text_array([account.code for _, account in by_party]),
        "parties": plain_array([account.party for _, account in by_party]),
        "alone_places": plain_array([place for place, _ in alone]),
        "alone_codes": text_array([account.code for _, account in alone]),
    }
    for place, account in enumerate(listed, start=1):
        account.place = place
    for place, account_id, is_closed, floor, ceiling in session.execute(_FIND, values):
        account = listed[place]
        account.id, account.is_new, account.floor, account.ceiling = account_id, False, floor, ceiling
        if is_closed:
            account.marks |= CLOSED
    _know_balances([account for account in listed if account.floor is not None or account.ceiling is not None])
    return accounts


def open_accounts(book_id: UUID, missing: Sequence[OpenAccount]) -> None:
    """Open accounts and their balances at nothing, with the limits of the chart."""
    if not missing:
        return
    here = tenant_id()
    for account in missing:
        account.id = str(ids.new_id())
    values = {
        "tenant": here,
        "book": book_id,
        "ids": plain_array([account.id for account in missing]),
        "codes": text_array([account.code for account in missing]),
        "parties": plain_array([account.party or "NULL" for account in missing]),
        "kinds": text_array([CHART[account.code].kind for account in missing]),
        "funds": text_array([fund_of(account.code, here) for account in missing]),
        "interparty": plain_array([CHART[account.code].interparty for account in missing]),
        "floors": plain_array(["NULL" if account.floor is None else account.floor for account in missing]),
        "ceilings": plain_array(["NULL" if account.ceiling is None else account.ceiling for account in missing]),
    }
    session.execute(_OPEN_ACCOUNTS, values)
    session.execute(_OPEN_BALANCES, {"tenant": here, "ids": values["ids"]})


def limits_broken(touched: Iterable[tuple[OpenAccount, int]], facts: dict[str, Any]) -> JournalRefused | None:
    """Why these lines may not be booked after what the batch has booked already; None when they may."""
    after: dict[OpenAccount, int] = {}
    for account, amount in touched:
        if account.marks & LIMITED:
            after[account] = after.get(account, account.balance) + amount
    for account, balance in after.items():
        if (account.floor is not None and balance < account.floor) or (
            account.ceiling is not None and balance > account.ceiling
        ):
            return BalanceLimitReached(
                **facts,
                account=account.code,
                balance_minor=account.balance,
                floor_minor=account.floor,
                ceiling_minor=account.ceiling,
            )
    return None


def keep_in_mind(touched: Iterable[tuple[OpenAccount, int]]) -> None:
    """Count lines that will be booked into the balances that limits are held against."""
    for account, amount in touched:
        account.balance += amount


def _know_balances(limited: Sequence[OpenAccount]) -> None:
    for account in limited:
        account.marks |= LIMITED
    found = {account.id: account for account in limited if not account.is_new}
    if found:
        for account_id, balance in session.execute(_BALANCES, {"tenant": tenant_id(), "ids": plain_array(found)}):
            found[account_id].balance = balance


# Two halves, because "is not distinct from" finds no index: accounts kept by party, and the others. OFFSET 0 keeps each
# key's search apart: once the plan is kept, a planner without statistics reads all keys again for every account (seen:
# 39 ms a batch instead of 2).
_FIND = text(
    "SELECT u.place, CAST(a.id AS text), a.closed_at IS NOT NULL, a.floor_minor, a.ceiling_minor FROM unnest("
    "CAST(:places AS integer[]), CAST(:codes AS text[]), CAST(:parties AS uuid[])) AS u(place, code, party_id) "
    "CROSS JOIN LATERAL (SELECT * FROM account WHERE tenant_id = :tenant AND book_id = :book AND code = u.code "
    "AND party_id = u.party_id OFFSET 0) a "
    "UNION ALL "
    "SELECT u.place, CAST(a.id AS text), a.closed_at IS NOT NULL, a.floor_minor, a.ceiling_minor FROM unnest("
    "CAST(:alone_places AS integer[]), CAST(:alone_codes AS text[])) AS u(place, code) "
    "CROSS JOIN LATERAL (SELECT * FROM account WHERE tenant_id = :tenant AND book_id = :book AND code = u.code "
    "AND party_id IS NULL OFFSET 0) a"
)
# Rows that arrive as arrays are joined to a row of their tenant: on a cluster the statement then goes to the one node
# where that row lies, instead of being spread row by row.
_OPEN_ACCOUNTS = text(
    "INSERT INTO account (tenant_id, id, book_id, code, party_id, kind, fund, is_interparty, floor_minor, "
    "ceiling_minor) SELECT b.tenant_id, u.id, b.id, u.code, u.party_id, u.kind, u.fund, u.is_interparty, u.floor, "
    "u.ceiling FROM unnest(CAST(:ids AS uuid[]), CAST(:codes AS text[]), CAST(:parties AS uuid[]), "
    "CAST(:kinds AS text[]), CAST(:funds AS text[]), CAST(:interparty AS boolean[]), CAST(:floors AS bigint[]), "
    "CAST(:ceilings AS bigint[])) AS u(id, code, party_id, kind, fund, is_interparty, floor, ceiling) "
    "JOIN book b ON b.tenant_id = :tenant AND b.id = :book"
)
_OPEN_BALANCES = text(
    "INSERT INTO account_balance (tenant_id, id, posted_minor, entry_count, last_seq, floor_minor, ceiling_minor) "
    "SELECT a.tenant_id, a.id, 0, 0, 0, a.floor_minor, a.ceiling_minor FROM unnest(CAST(:ids AS uuid[])) AS u(id) "
    "JOIN account a ON a.tenant_id = :tenant AND a.id = u.id"
)
_BALANCES = text(
    "SELECT CAST(b.id AS text), b.posted_minor FROM unnest(CAST(:ids AS uuid[])) AS u(id) "
    "JOIN account_balance b ON b.tenant_id = :tenant AND b.id = u.id"
)
