"""`tandem reconcile …`: compare a day with everybody else, and see what differs."""

import json
from datetime import date, datetime
from importlib import import_module
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from tandem.billing.reconciliation.jobs import reconcile_day
from tandem.billing.reconciliation.queries import discrepancies, discrepancy_totals
from tandem.kernel.database import PAGE_LIMIT_MAX
from tandem.kernel.i18n import format_moment, format_money
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import across_tenants, acting_for


@click.group()
def reconcile() -> None:
    """Reconciliation."""


@reconcile.command("run")
@click.option("--tenant", type=click.UUID, required=True, help="The hospital or employer.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The business day.")
def run(*, tenant: UUID, day: datetime) -> None:
    """Reconcile one day of one organisation, here and now."""
    with import_module("wsgi").app.app_context(), acting_for(tenant):
        reconcile_day(day.date())
    click.echo(f"{day:%Y-%m-%d} reconciled; 'tandem reconcile list' shows what differs")


@reconcile.command("list")
@click.option("--status", type=click.Choice(["open", "explained", "resolved"]), help="Only these.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this business day's.")
@click.option("--tenant", type=click.UUID, help="Only this organisation's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for machines.")
def list_discrepancies(*, status: str | None, day: datetime | None, tenant: UUID | None, as_json: bool) -> None:
    """The newest hundred differences, with owner, age and what is at risk; totals below."""
    on: date | None = day.date() if day else None
    with import_module("wsgi").app.app_context(), across_tenants(reason="tandem reconcile list"):
        found = discrepancies(limit=PAGE_LIMIT_MAX, after=None, status=status, day=on, tenant=tenant).rows
        totals = discrepancy_totals(on)
    if as_json:
        told = {"discrepancies": [dict(row) for row in found], "totals": [dict(row) for row in totals]}
        click.echo(json.dumps(told, default=str, indent=2))
        return
    table = Table("organisation", "pass", "kind", "owner", "status", "at risk", "since", "cause", box=None)
    for row in found:
        at_risk = format_money(row["amount_at_risk_minor"], row["currency"], EXPONENTS[row["currency"]])
        since = format_moment(row["first_seen_at"])
        words = (
            row["reconciliation_pass"],
            row["kind"],
            row["owner"],
            row["status"],
            at_risk,
            since,
            row["cause"] or "",
        )
        table.add_row(str(row["tenant_id"]), *words)
    console = Console(soft_wrap=True)
    console.print(table)
    for row in totals:
        sum_at_risk = format_money(int(row["amount_at_risk_minor"]), row["currency"], EXPONENTS[row["currency"]])
        console.print(f"{row['discrepancies']} × {row['kind']} ({row['owner']}, {row['status']}): {sum_at_risk}")
