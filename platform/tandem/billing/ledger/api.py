"""Reading the books: a hospital its own, the operator any organisation's, and nobody writes here."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from tandem.billing.ledger import queries
from tandem.billing.ledger.schemas import (
    BalanceSchema,
    BalancesQuery,
    EntrySchema,
    JournalSchema,
    JournalsQuery,
    WholeJournalSchema,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api, PageQuery

hospital_api = Api("ledger", audience="hospital", url_prefix="/ledger", tag="Books")
operator_api = Api(
    "ledger", audience="operator", url_prefix="/organizations/<uuid:organization_id>/ledger", tag="Books"
)
APIS: Final = [hospital_api, operator_api]


@hospital_api.get("/balances", allow="ledger.read", gives=BalanceSchema, many=True, query=BalancesQuery)
def list_balances(query: dict[str, Any]) -> Page:
    """Every account of the hospital's books: now, or counting what was true before `at`. On one page."""
    return Page(queries.balances(query["at"]), None)


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


@operator_api.get("/balances", allow="ledger.read", gives=BalanceSchema, many=True, query=BalancesQuery)
def list_balances_of_organization(organization_id: UUID, query: dict[str, Any]) -> Page:
    """Every account of an organisation's books. On one page."""
    return Page(queries.balances(query["at"]), None)


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
