"""`tandem ledger …`: prove the books, hand them over, look into them, freeze them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import click
from rich.table import Table
from sqlalchemy import select

from tandem.billing.ledger import Instant, freeze_book, queries, thaw_book
from tandem.billing.ledger.balances import Basis, balances_page
from tandem.billing.ledger.export import FORMATS, book_name
from tandem.billing.ledger.models import BASES, HOLD_NEXT, Book
from tandem.billing.ledger.verification import BookVerdict, differing_rules, verify_books, verify_mirrors
from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.cli.people import print_table
from tandem.kernel.database import Page, session
from tandem.kernel.i18n import format_money
from tandem.kernel.money import CURRENCIES, EXPONENTS
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, across_tenants, acting_for, transaction

_TENANT: Final = click.option("--tenant", type=click.UUID, required=True, help="Whose book.")
_CURRENCY: Final = click.option("--currency", type=click.Choice(CURRENCIES), default="CNY", show_default=True)
_LIMIT: Final = click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
_AFTER: Final = click.option("--after", help="Go on after this cursor, from the page before.")


@click.group()
def ledger() -> None:
    """The books."""


@ledger.command("verify")
@click.option("--tenant", type=click.UUID, help="Only this organisation's books; without it, all.")
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="Windows looked at at once.")
@AS_JSON
def verify(*, tenant: UUID | None, workers: int, as_json: bool) -> None:
    """Check sums, sequence, seals, balances, mirrors and posting rules. Exit 1 when anything is wrong."""
    with application():
        differing = differing_rules()
        verdicts = [verdict for each in ([tenant] if tenant else _tenants()) for verdict in _verdicts(each, workers)]
    if as_json:
        told = [asdict(verdict) | {"is_sound": verdict.is_sound} for verdict in verdicts]
        click.echo(machine_json({"books": told, "differing_posting_rules": differing}))
    else:
        _print(verdicts)
        for name in differing:
            click.echo(f"posting rule {name} is not recorded as the code reads it")
    if differing or not all(verdict.is_sound for verdict in verdicts):
        raise click.exceptions.Exit(1)


@ledger.command("export")
@click.option("--tenant", type=click.UUID, help="Only this organisation's books; without it, all.")
@click.option("--currency", type=click.Choice(CURRENCIES), help="Only books in this currency; without it, all.")
@click.option("--format", "shape", type=click.Choice(sorted(FORMATS)), default="csv", show_default=True)
def export(*, tenant: UUID | None, currency: str | None, shape: str) -> None:
    """Write books to standard output, each as it stands when its turn comes.

    Where there are several, each account's name says whose book it belongs to.
    """
    said: set[str] = set()
    with application():
        books = _books(tenant, currency)
        for owner, money in books:
            head = FORMATS[shape].head(money)
            with acting_for(owner, statement_timeout_ms=REPORT_TIMEOUT_MS):
                if head not in said:
                    click.echo(head, nl=False)
                    said.add(head)
                for part in FORMATS[shape].body(money, book=book_name(owner, money) if len(books) > 1 else None):
                    click.echo(part, nl=False)


@ledger.command("balances")
@_TENANT
@click.option("--at", type=click.DateTime(), help="What stood before this moment (UTC); without it, what stands now.")
@click.option("--basis", type=click.Choice(BASES), default="effective", help="By when it was true, or when booked.")
@_LIMIT
@_AFTER
@AS_JSON
def show_balances(
    *, tenant: UUID, at: datetime | None, basis: Basis, limit: int, after: str | None, as_json: bool
) -> None:
    """Accounts and what they stand at, debit positive."""
    instant = None if at is None else Instant(at.replace(tzinfo=UTC), basis)
    with _book_of(tenant):
        page = balances_page(limit=limit, after=after, instant=instant)
    columns = ("code", "party_id", "balance_minor", "floor_minor", "ceiling_minor", "closed_at")
    _show(page, "balances", columns, as_json=as_json)


@ledger.command("holds")
@_TENANT
@click.option("--status", type=click.Choice(list(HOLD_NEXT)), help="Only holds in this state.")
@_LIMIT
@_AFTER
@AS_JSON
def show_holds(*, tenant: UUID, status: str | None, limit: int, after: str | None, as_json: bool) -> None:
    """Sums set aside, newest first."""
    with _book_of(tenant):
        page = queries.holds(limit=limit, after=after, status=status)
    columns = ("id", "account_code", "party_id", "amount_minor", "captured_minor", "status", "expires_at")
    _show(page, "holds", columns, as_json=as_json)


@ledger.command("rules")
@_LIMIT
@_AFTER
@AS_JSON
def show_rules(*, limit: int, after: str | None, as_json: bool) -> None:
    """The posting rules as they are recorded, every version."""
    with _book_of(OPERATOR_ID):
        page = queries.rule_versions(limit=limit, after=after)
    _show(page, "posting_rules", ("code", "version", "effective_from", "family", "legs"), as_json=as_json)


@ledger.command("freeze")
@_TENANT
@_CURRENCY
@click.option("--because", required=True, help="The reason, for the audit trail.")
def freeze(*, tenant: UUID, currency: str, because: str) -> None:
    """Let nothing be posted to a book any more."""
    with _book_of(tenant), transaction():
        freeze_book(currency, because=because)
    click.echo(f"the {currency} book of {tenant} is frozen")


@ledger.command("thaw")
@_TENANT
@_CURRENCY
@click.option("--because", required=True, help="The reason, for the audit trail.")
def thaw(*, tenant: UUID, currency: str, because: str) -> None:
    """Let a frozen book be posted to again."""
    with _book_of(tenant), transaction():
        thaw_book(currency, because=because)
    click.echo(f"the {currency} book of {tenant} is open")


@contextmanager
def _book_of(tenant: UUID) -> Iterator[None]:
    with application(), acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
        yield


def _show(page: Page, name: str, columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        told = {name: [dict(row) for row in page.rows], "next": page.next}
        click.echo(machine_json(told))
        return
    table = Table(*(column.removesuffix("_minor") for column in columns), box=None)
    for row in page.rows:
        table.add_row(*(_cell(row, column) for column in columns))
    print_table(table)
    if page.next is not None:
        click.echo(f"there are more: --after {page.next}")


def _cell(row: Any, column: str) -> str:
    value = row[column]
    if value is None:
        return ""
    if column.endswith("_minor"):
        return str(format_money(value, row["currency"], EXPONENTS[row["currency"]]))
    return "; ".join(value) if isinstance(value, list) else str(value)


def _books(tenant: UUID | None, currency: str | None) -> list[tuple[UUID, str]]:
    wanted = select(Book.tenant_id, Book.currency).order_by(Book.tenant_id, Book.currency)
    if tenant is not None:
        wanted = wanted.where(Book.tenant_id == tenant)
    if currency is not None:
        wanted = wanted.where(Book.currency == currency)
    with across_tenants(reason="tandem ledger export"):
        found = [(row.tenant_id, row.currency) for row in session.execute(wanted)]
    if not found and (tenant or currency):
        raise click.ClickException("there is no such book: see 'tandem ledger verify'")
    return found


def _tenants() -> list[UUID]:
    with across_tenants(reason="tandem ledger verify"):
        return list(session.scalars(select(Book.tenant_id).distinct().order_by(Book.tenant_id)))


def _verdicts(tenant: UUID, workers: int) -> list[BookVerdict]:
    with acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
        verdicts = verify_books(workers=workers)
    if tenant != OPERATOR_ID:
        faults = verify_mirrors(tenant)
        for verdict in verdicts[:1]:
            for fault in faults:
                verdict.find(fault)
    return verdicts


def _print(verdicts: Iterable[BookVerdict]) -> None:
    table = Table("organisation", "currency", "journals", "entries", "verdict", box=None)
    journals = entries = 0
    for verdict in verdicts:
        journals, entries = journals + verdict.journals, entries + verdict.entries
        words = "sound" if verdict.is_sound else f"{verdict.fault_count} FAULTS: {'; '.join(verdict.faults)}"
        table.add_row(str(verdict.tenant_id), verdict.currency, str(verdict.journals), str(verdict.entries), words)
    print_table(table)
    click.echo(f"{journals} journals and {entries} entries checked")
