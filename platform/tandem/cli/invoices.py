"""`tandem invoices …`: bills that were parked because something was out of line, and the way out."""

import json
from importlib import import_module
from uuid import UUID

import click

from tandem.billing.invoices import jobs as invoice_jobs
from tandem.billing.invoices.commands import release_customer
from tandem.billing.invoices.queries import parks
from tandem.cli.machines import machine_json
from tandem.kernel import jobs
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction


@click.group()
def invoices() -> None:
    """Invoices that wait for somebody to look."""


@invoices.command("parked")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for machines.")
@click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
def list_parked(*, as_json: bool, limit: int) -> None:
    """Customers whose bills wait, and why, newest first."""
    with import_module("wsgi").app.app_context(), across_tenants(reason="tandem invoices parked"):
        found = parks(limit=limit, after=None, open_only=True).rows
    if as_json:
        click.echo(machine_json({"parks": [dict(row) for row in found]}))
        return
    # Lines and not a table: a table cut to the terminal's width would cut the ids that `release` asks for.
    for row in found:
        evidence = json.dumps(row["evidence"], ensure_ascii=False)
        click.echo(f"customer {row['tenant_id']} park {row['id']} since {row['parked_at']:%F %R}")
        click.echo(f"  {' '.join(row['reasons'])}: {evidence}")
    click.echo(f"{len(found)} parked; tandem invoices release CUSTOMER PARK --because …")


@invoices.command("release")
@click.argument("customer", type=click.UUID)
@click.argument("park", type=click.UUID)
@click.option("--because", required=True, help="Why it is right after all; it stays in the audit trail.")
def release(*, customer: UUID, park: UUID, because: str) -> None:
    """Let a customer's bills go out as they stand."""
    with import_module("wsgi").app.app_context(), acting_for(customer, operator=True), transaction():
        release_customer(park, because=because)
    click.echo("released: what waits is issued by the next worker")


@invoices.command("retry")
def retry() -> None:
    """Try again to issue everything that waits, of every customer that is not parked."""
    with import_module("wsgi").app.app_context(), acting_for(OPERATOR_ID), transaction():
        jobs.enqueue(invoice_jobs.retry_waiting)
    click.echo("asked for: one job for each customer whose invoices wait")
