"""`tandem reconcile …`: compare a day with everybody else, and see what differs."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import click
from rich.table import Table

from tandem.billing.reconciliation import commands
from tandem.billing.reconciliation.desk import Sort, groups, unresolved
from tandem.billing.reconciliation.findings import OWNERS, PASSES
from tandem.billing.reconciliation.jobs import reconcile_day
from tandem.billing.reconciliation.jobs import reconcile_fully as run_fully
from tandem.billing.reconciliation.proposals import NO_JOURNAL
from tandem.billing.reconciliation.queries import discrepancies, discrepancy_totals
from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.cli.people import print_table
from tandem.kernel.database import PAGE_LIMIT_MAX
from tandem.kernel.i18n import format_moment, format_money
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import across_tenants, acting_for, transaction


@click.group()
def reconcile() -> None:
    """Reconciliation."""


@reconcile.command("run")
@click.option("--tenant", type=click.UUID, required=True, help="The hospital or employer.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The business day.")
def run(*, tenant: UUID, day: datetime) -> None:
    """Reconcile one day of one organisation, here and now."""
    with application(), acting_for(tenant):
        reconcile_day(day.date())
    click.echo(f"{day:%Y-%m-%d} reconciled; 'tandem reconcile list' shows what differs")


@reconcile.command("full")
@click.option("--tenant", type=click.UUID, required=True, help="The hospital or employer.")
def full(*, tenant: UUID) -> None:
    """Hold everything against everything once more: proof that looking at changes alone has missed nothing."""
    with application(), acting_for(tenant):
        run_fully()
    click.echo("all comparisons run over everything; 'tandem reconcile desk' shows what is unresolved")


@reconcile.command("desk")
@click.option(
    "--sort", type=click.Choice(["money", "age"]), default="money", help="The most money, or the oldest first."
)
@click.option("--tenant", type=click.UUID, help="Only this organisation's.")
@click.option("--owner", type=click.Choice(OWNERS), help="Only what is this party's turn.")
@click.option("--pass", "reconciliation_pass", type=click.Choice(PASSES), help="Only of this pass.")
@click.option("--groups", "by_root", is_flag=True, help="One line per root, however many differences it has.")
@AS_JSON
def desk(
    *,
    sort: Sort,
    tenant: UUID | None,
    owner: str | None,
    reconciliation_pass: str | None,
    by_root: bool,
    as_json: bool,
) -> None:
    """What is unresolved: the first hundred differences, or their roots."""
    most = PAGE_LIMIT_MAX
    with application(), across_tenants(reason="tandem reconcile desk"):
        if by_root:
            found = groups(limit=most, after=None, tenant=tenant).rows
        else:
            narrowed = {"owner": owner, "reconciliation_pass": reconciliation_pass}
            found = unresolved(limit=most, after=None, sort=sort, tenant=tenant, **narrowed).rows
    if as_json:
        click.echo(machine_json([dict(row) for row in found]))
        return
    table = Table("organisation", "pass", "kind", "count", "owner", "at risk", "since", "deadline", "mend", box=None)
    for row in found:
        at_risk = format_money(int(row["amount_at_risk_minor"]), row["currency"], EXPONENTS[row["currency"]])
        since = format_moment(row["oldest_at"] if by_root else row["first_seen_at"])
        count = str(row["discrepancies"] if by_root else 1)
        words = (row["reconciliation_pass"], row["kind"], count, row["owner"], at_risk, since)
        mend = "" if by_root else _mend(row["proposed_journal"], row["no_journal_because"])
        table.add_row(str(row["tenant_id"]), *words, format_moment(row["deadline_at"]), mend)
    print_table(table)


def _mend(journal: dict[str, Any] | None, because: str | None) -> str:
    """What would mend a difference, in a line: a rule with its sums, the journal to be undone, or why none does."""
    if journal is None:
        return NO_JOURNAL[because or "by_hand"].en
    if "of" in journal:
        return f"undo {journal['of']['kind']} {journal['of']['key']}"
    return f"{journal['rule']} " + ", ".join(f"{name} {amount}" for name, amount in journal["amounts"].items())


@reconcile.command("release")
@click.option("--tenant", type=click.UUID, required=True, help="The organisation.")
@click.option("--comparison", required=True, help="Such as R1.booked; the desk names it.")
@click.option("--because", required=True, help="Why it may go on.")
def release(*, tenant: UUID, comparison: str, because: str) -> None:
    """Let a parked comparison go on with all that it held back."""
    with application(), acting_for(tenant, operator=True), transaction():
        commands.release_comparison(comparison, because=because)
    click.echo(f"{comparison} goes on with its next run")


@reconcile.command("list")
@click.option("--status", type=click.Choice(["open", "explained", "resolved"]), help="Only these.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this business day's.")
@click.option("--tenant", type=click.UUID, help="Only this organisation's.")
@AS_JSON
def list_discrepancies(*, status: str | None, day: datetime | None, tenant: UUID | None, as_json: bool) -> None:
    """The newest hundred differences, with owner, age and what is at risk; totals below."""
    on: date | None = day.date() if day else None
    with application(), across_tenants(reason="tandem reconcile list"):
        found = discrepancies(limit=PAGE_LIMIT_MAX, after=None, status=status, day=on, tenant=tenant).rows
        totals = discrepancy_totals(on)
    if as_json:
        told = {"discrepancies": [dict(row) for row in found], "totals": [dict(row) for row in totals]}
        click.echo(machine_json(told))
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
    print_table(table)
    for row in totals:
        sum_at_risk = format_money(int(row["amount_at_risk_minor"]), row["currency"], EXPONENTS[row["currency"]])
        click.echo(f"{row['discrepancies']} × {row['kind']} ({row['owner']}, {row['status']}): {sum_at_risk}")
