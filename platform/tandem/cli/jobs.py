"""`tandem jobs dead` and `tandem jobs replay`: what was given up, and another chance for it."""

from uuid import UUID

import click
from rich.table import Table

from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.cli.people import print_table
from tandem.kernel import doorbell
from tandem.kernel import jobs as work
from tandem.kernel.errors import Problem
from tandem.kernel.tenancy import across_tenants, transaction


@click.group()
def jobs() -> None:
    """Jobs that failed their last attempt."""


@jobs.command("dead")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", help="The cursor `next` of the page before.")
@AS_JSON
def list_dead(*, limit: int, after: str | None, as_json: bool) -> None:
    """List dead jobs of all tenants, newest first."""
    with application(), across_tenants(reason="tandem jobs dead"):
        page = work.dead(limit, after)
    rows = [dict(row) for row in page.rows]
    if as_json:
        click.echo(machine_json({"data": rows, "has_more": page.has_more, "next": page.next}))
        return
    if not rows:
        click.echo("no dead jobs")
        return
    table = Table("job", "tenant", "what", "fault", "tries", "given up", box=None)
    for row in rows:
        what = row["name"].removeprefix("tandem.")
        ended = f"{row['finished_at']:%Y-%m-%d %H:%M}"
        table.add_row(str(row["id"]), str(row["tenant_id"]), what, row["error"], str(row["attempts"]), ended)
    print_table(table)
    if page.next:
        click.echo(f"more: --after {page.next}")


@jobs.command("replay")
@click.argument("job_ids", type=click.UUID, nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Say what would be replayed and change nothing.")
def replay(job_ids: tuple[UUID, ...], *, dry_run: bool) -> None:
    """Give dead jobs their attempts back. Each stands alone: one that cannot be replayed stops no other."""
    refused = 0
    with application():
        for job_id in job_ids:
            try:
                with across_tenants(reason="tandem jobs replay"), transaction():
                    work.replay(job_id, only_look=dry_run)
                click.echo(f"{job_id} {'would be replayed' if dry_run else 'replayed'}")
            except Problem as problem:
                refused += 1
                click.echo(f"{job_id} {problem.title}", err=True)
        doorbell.flush()
    if refused:
        raise click.exceptions.Exit(1)
