"""`tandem bank …`: the operator's bank lines that nothing explains, and what waits for a second person."""

from typing import Any

import click

from tandem.billing.reconciliation.desk import bank_line_exits, bank_line_proposals, bank_lines
from tandem.billing.reconciliation.models import EXIT_NEXT
from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.kernel.i18n import format_money
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import OPERATOR_ID, acting_for

LIMIT = click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)


@click.group()
def bank() -> None:
    """Lines of the operator's bank."""


@bank.command("lines")
@click.option("--all", "is_all", is_flag=True, help="Also those that are explained to the fen.")
@LIMIT
@AS_JSON
def list_lines(*, is_all: bool, limit: int, as_json: bool) -> None:
    """Lines that nothing explains, or of which a rest is left, the latest first."""
    with application(), acting_for(OPERATOR_ID, operator=True):
        found = [dict(row) for row in bank_lines(limit=limit, after=None, is_free=not is_all).rows]
    if as_json:
        hashes = {"body_sha256", "changed_xid"}
        click.echo(machine_json([{name: row[name] for name in row if name not in hashes} for row in found]))
        return
    for row in found:
        said = f"{row['bank_reference']} {row['reference']}".strip()
        click.echo(
            f"{row['booked_on']} line {row['id']} {_money(row, 'amount_minor')}, "
            f"left {_money(row, 'left_minor')}: {said}"
        )
    click.echo(f"{len(found)} lines; people say what they are for, two of them, over the API")


@bank.command("proposals")
@LIMIT
@AS_JSON
def list_proposals(*, limit: int, as_json: bool) -> None:
    """What somebody says a line pays, and nobody has agreed to yet."""
    with application(), acting_for(OPERATOR_ID, operator=True):
        page = bank_line_proposals(limit=limit, after=None, status="proposed")
        found = [dict(row) for row in page.rows]
    if as_json:
        click.echo(machine_json(found))
        return
    for row in found:
        click.echo(
            f"proposal {row['id']} of {row['proposed_at']:%F %R}: line {row['bank_line_id']} pays {len(row['parts'])} "
            f"with {row['amount_minor']} minor units: {row['because']}"
        )
    click.echo(f"{len(found)} wait for a second person")


@bank.command("exits")
@click.option("--status", type=click.Choice(sorted(EXIT_NEXT)), help="Only these.")
@LIMIT
@AS_JSON
def list_exits(*, status: str | None, limit: int, as_json: bool) -> None:
    """Sums that are nobody's, newest first: what waits for a second person, what is to be returned, what stays out."""
    with application(), acting_for(OPERATOR_ID, operator=True):
        told = [dict(row) for row in bank_line_exits(limit=limit, after=None, status=status).rows]
    if as_json:
        click.echo(machine_json(told))
        return
    for row in told:
        way = f", with {row['reference']}" if row["reason"] == "return_to_sender" else ""
        click.echo(
            f"exit {row['id']} of line {row['bank_line_id']}: {_money(row, 'amount_minor')} {row['status']} "
            f"as {row['reason']}{way}: {row['because']}"
        )
    click.echo(f"{len(told)} exits; people decide, over the API")


def _money(row: dict[str, Any], column: str) -> str:
    return format_money(row[column], row["currency"], EXPONENTS[row["currency"]])
