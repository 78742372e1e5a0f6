"""`tandem invoices …`: bills that were parked, by which limits, and the way out; what customers are owed back."""

import json
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import click

from tandem.billing.invoices import jobs as invoice_jobs
from tandem.billing.invoices.commands import release_customer
from tandem.billing.invoices.queries import parks
from tandem.billing.payments.models import REPAYMENT_NEXT
from tandem.billing.payments.queries.repayments import owed_to_customers, repayments_of_all
from tandem.billing.prices.guard_limits import guard_limit_proposals, guard_limits
from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.kernel import clock, jobs
from tandem.kernel.database import PAGE_LIMIT_MAX, Page
from tandem.kernel.i18n import format_money
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction


@click.group()
def invoices() -> None:
    """Invoices that wait for somebody to look."""


@invoices.command("parked")
@AS_JSON
@click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
def list_parked(*, as_json: bool, limit: int) -> None:
    """Customers whose bills wait, and why, newest first."""
    with application(), across_tenants(reason="tandem invoices parked"):
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
    with application(), acting_for(customer, operator=True), transaction():
        release_customer(park, because=because)
    click.echo("released: what waits is issued by the next worker")


@invoices.command("retry")
def retry() -> None:
    """Try again to issue everything that waits, of every customer that is not parked."""
    with application(), acting_for(OPERATOR_ID), transaction():
        jobs.enqueue(invoice_jobs.retry_waiting)
    click.echo("asked for: one job for each customer whose invoices wait")


@invoices.command("repayments")
@click.option("--all", "is_all", is_flag=True, help="Also what is paid, refused or has failed.")
@AS_JSON
@click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
def list_repayments(*, is_all: bool, as_json: bool, limit: int) -> None:
    """What customers are owed back: what nobody has asked for yet, and what waits for a decision or for its money."""
    statuses = sorted(REPAYMENT_NEXT) if is_all else ["proposed", "approved"]
    with application(), across_tenants(reason="tandem invoices repayments"):
        owed = [dict(row) for row in owed_to_customers(limit=limit)]
        asked = [dict(row) for row in repayments_of_all(limit=limit, after=None, statuses=statuses).rows]
    if as_json:
        # A bank account is for whoever makes the transfer, not for a machine's log.
        told = [{name: row[name] for name in row if name not in _OF_THE_PAYEE} for row in asked]
        click.echo(machine_json({"owed": owed, "repayments": told}))
        return
    for row in owed:
        what = f"invoice {row['document_no']} {row['invoice_id']}" if row["invoice_id"] else "the rest of a prepayment"
        click.echo(f"customer {row['tenant_id']} is owed {_money(row, 'owed_minor')} for {what}")
    for row in asked:
        since = row["decided_at"] or row["proposed_at"]
        click.echo(
            f"customer {row['tenant_id']} repayment {row['id']} {_money(row, 'amount_minor')} {row['status']} "
            f"since {since:%F %R} by {row['method']} {row['reference']}"
        )
    click.echo(f"{len(owed)} owed and not asked for, {len(asked)} asked for; people decide, over the API")


@invoices.command("limits")
@AS_JSON
def list_limits(*, as_json: bool) -> None:
    """Limits of the guard that parks bills: every value with the day from which it counts, and what is proposed."""
    with application(), across_tenants(reason="tandem invoices limits"):
        today, values = clock.today(), _all(guard_limits)
        decided = {(row["name"], row["effective_from"]) for row in values}
        asked = _all(guard_limit_proposals)
    # In order of their days, so the last one that has begun is the one in force.
    in_force = {row["name"]: row["effective_from"] for row in values if row["effective_from"] <= today}
    told = [row | {"is_in_force": in_force.get(row["name"]) == row["effective_from"]} for row in values]
    waiting = [row for row in asked if (row["name"], row["effective_from"]) not in decided]
    proposals = [row for row in waiting if row["effective_from"] > today]
    if as_json:
        click.echo(machine_json({"limits": told, "proposals": proposals}))
        return
    for each in told:
        mark = "in force" if each["is_in_force"] else "to come" if each["effective_from"] > today else "before"
        click.echo(f"{each['name']} {each['value']} from {each['effective_from']} ({mark}): {each['because']}")
    for row in proposals:
        click.echo(
            f"{row['name']} {row['value']} from {row['effective_from']} proposed as {row['id']}: {row['because']}"
        )


_OF_THE_PAYEE: Final = ("payee_name", "payee_bank", "payee_account")
PAGES_MOST: Final = 100


def _all(listed: Callable[..., Page]) -> list[dict[str, Any]]:
    """Every row of a list, page by page, up to ten thousand."""
    found, after = list[dict[str, Any]](), None
    for _ in range(PAGES_MOST):
        page = listed(limit=PAGE_LIMIT_MAX, after=after)
        found += [dict(row) for row in page.rows]
        after = page.next
        if after is None:
            break
    return found


def _money(row: dict[str, Any], column: str) -> str:
    return format_money(int(row[column]), row["currency"], EXPONENTS[row["currency"]])
