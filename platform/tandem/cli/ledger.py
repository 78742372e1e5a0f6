"""`tandem ledger verify`, `tandem ledger export`: prove the books, and hand them over."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from tandem.billing.ledger.export import FORMATS
from tandem.billing.ledger.models import Book
from tandem.billing.ledger.verification import BookVerdict, verify_books, verify_mirrors
from tandem.kernel.database import session
from tandem.kernel.money import CURRENCIES
from tandem.kernel.tenancy import OPERATOR_ID, REPORT_TIMEOUT_MS, across_tenants, acting_for


@click.group()
def ledger() -> None:
    """The books."""


@ledger.command("verify")
@click.option("--tenant", type=click.UUID, help="Only this organisation's books; without it, all.")
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="Windows looked at at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for machines.")
def verify(*, tenant: UUID | None, workers: int, as_json: bool) -> None:
    """Check sums, sequence, seals, balances and mirrors of every book. Exit 1 when anything is wrong."""
    with import_module("wsgi").app.app_context():
        verdicts = [verdict for each in ([tenant] if tenant else _tenants()) for verdict in _verdicts(each, workers)]
    if as_json:
        told = [asdict(verdict) | {"is_sound": verdict.is_sound} for verdict in verdicts]
        click.echo(json.dumps({"books": told}, default=str, indent=2))
    else:
        _print(verdicts)
    if not all(verdict.is_sound for verdict in verdicts):
        raise click.exceptions.Exit(1)


@ledger.command("export")
@click.option("--tenant", type=click.UUID, required=True, help="Whose book.")
@click.option("--currency", type=click.Choice(CURRENCIES), default="CNY", show_default=True)
@click.option("--format", "shape", type=click.Choice(sorted(FORMATS)), default="csv", show_default=True)
def export(*, tenant: UUID, currency: str, shape: str) -> None:
    """Write a book to standard output, as it stands now."""
    with import_module("wsgi").app.app_context(), acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
        for part in FORMATS[shape](currency):
            click.echo(part, nl=False)


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
    console = Console(soft_wrap=True)
    console.print(table)
    console.print(f"{journals} journals and {entries} entries checked")
