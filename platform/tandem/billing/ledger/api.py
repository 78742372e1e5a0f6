"""Reading the books: a hospital its own, the operator any organisation's, and nobody writes here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tandem.billing.ledger import queries
from tandem.billing.ledger.balances import Basis, Instant, balances_page
from tandem.billing.ledger.schemas import (
    BalanceSchema,
    BalancesQuery,
    EntrySchema,
    HoldSchema,
    HoldsQuery,
    JournalSchema,
    JournalsQuery,
    PostingRuleSchema,
    WholeJournalSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

hospital_api = Api("ledger", audience="hospital", url_prefix="/ledger", tag="Books")
operator_api = Api(
    "ledger", audience="operator", url_prefix="/organizations/<uuid:organization_id>/ledger", tag="Books"
)
rules_api = Api("posting_rules", audience="operator", url_prefix="/posting_rules", tag="Books")
APIS: Final = [hospital_api, operator_api, rules_api]


@hospital_api.get("/balances", allow="ledger.read", gives=BalanceSchema, many=True, query=BalancesQuery)
def list_balances(query: dict[str, Any]) -> Page:
    """Accounts of the hospital's books: now, or at a moment by what was true (or booked) before it."""
    return _balances(**query)


@hospital_api.get("/journals", allow="ledger.read", gives=JournalSchema, many=True, query=JournalsQuery)
def list_journals(query: dict[str, Any]) -> Page:
    """Journals of a book, newest first."""
    return queries.journals(**query)


@hospital_api.get("/journals/<uuid:journal_id>", allow="ledger.read", gives=WholeJournalSchema)
def show_journal(journal_id: UUID) -> Mapping[str, Any]:
    """One journal with its lines."""
    return queries.journal_with_lines(journal_id)


@hospital_api.get(
    "/accounts/<uuid:account_id>/entries", allow="ledger.read", gives=EntrySchema, many=True, query=PageQuery
)
def list_entries(account_id: UUID, query: dict[str, Any]) -> Page:
    """An account's entries, newest first."""
    return queries.entries_of(account_id, **query)


@hospital_api.get("/holds", allow="ledger.read", gives=HoldSchema, many=True, query=HoldsQuery)
def list_holds(query: dict[str, Any]) -> Page:
    """Sums the hospital has set aside, newest first."""
    return queries.holds(**query)


@hospital_api.get("/posting_rules", allow="ledger.read", gives=PostingRuleSchema, many=True, query=PageQuery)
def list_posting_rules(query: dict[str, Any]) -> Page:
    """Every version of every posting rule, by which the books are made."""
    return queries.rule_versions(**query)


@operator_api.get("/balances", allow="ledger.read", gives=BalanceSchema, many=True, query=BalancesQuery)
def list_balances_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Accounts of an organisation's books: now, or at a moment by what was true (or booked) before it."""
    return _balances(**query)


@operator_api.get("/journals", allow="ledger.read", gives=JournalSchema, many=True, query=JournalsQuery)
def list_journals_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Journals of an organisation's book, newest first."""
    return queries.journals(**query)


@operator_api.get("/journals/<uuid:journal_id>", allow="ledger.read", gives=WholeJournalSchema)
def show_journal_of_organization(organization_id: UUID, journal_id: UUID) -> Mapping[str, Any]:
    """One journal of an organisation with its lines."""
    return queries.journal_with_lines(journal_id)


@operator_api.get(
    "/accounts/<uuid:account_id>/entries", allow="ledger.read", gives=EntrySchema, many=True, query=PageQuery
)
def list_entries_of_organization(organization_id: UUID, account_id: UUID, query: dict[str, Any]) -> Page:
    """An account's entries, newest first."""
    return queries.entries_of(account_id, **query)


@operator_api.get("/holds", allow="ledger.read", gives=HoldSchema, many=True, query=HoldsQuery)
def list_holds_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Sums an organisation has set aside, newest first."""
    return queries.holds(**query)


@rules_api.get("", allow="ledger.read", gives=PostingRuleSchema, many=True, query=PageQuery)
def list_posting_rules_of_the_platform(query: dict[str, Any]) -> Page:
    """Every version of every posting rule, by which all books are made."""
    return queries.rule_versions(**query)


def _balances(*, limit: int, after: str | None, at: datetime | None, basis: Basis) -> Page:
    return balances_page(limit=limit, after=after, instant=None if at is None else Instant(at, basis))
