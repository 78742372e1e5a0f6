"""`tandem accounts …`: organisations and their first people, from the command line of whoever runs the platform."""

import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tandem.accounts.imports.commands import ImportCounts, import_hospitals
from tandem.accounts.imports.reading import Reading, read_hospitals
from tandem.accounts.imports.schemas import report
from tandem.accounts.organizations.commands import found_operator
from tandem.accounts.staff.commands import invite_administrator
from tandem.cli.application import application, problems_told
from tandem.cli.machines import AS_JSON
from tandem.kernel import i18n
from tandem.kernel.settings import UPLOAD_LIMIT_BYTES
from tandem.kernel.tenancy import OPERATOR_ID, across_tenants, acting_for, transaction

PROBLEMS_SHOWN: Final = 20
SOME_ROWS_REFUSED: Final = 1


@click.group()
@click.option("--lang", type=click.Choice(i18n.LANGUAGES), default="en", help="Language of what is reported.")
def accounts(lang: i18n.Language) -> None:
    """Organisations, and who administers them."""
    i18n.language.set(lang)


@accounts.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Do all of it, say what would change, keep nothing.")
@AS_JSON
@click.pass_context
def import_register(ctx: click.Context, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """List the hospitals of FILE, a public register's CSV. Running it again changes only what differs.

    \b
    Columns: province_code, province, city_code, city, name, address, phone, tags (the first row names them).
    Exit code 0 when every row is in or was in already, 1 when rows were refused (the others are in), 2 for a
    file that cannot be read at all.
    """
    with problems_told(as_json=as_json, language=i18n.language.get()):
        reading, counts = _import(file, dry_run=dry_run, quiet=as_json)
    told = report(reading, counts, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _show(file, told)
    ctx.exit(SOME_ROWS_REFUSED if told["errors"] else 0)


@accounts.command()
@click.argument("organization", metavar="ORGANIZATION")
@click.argument("addressee")
@AS_JSON
@click.pass_context
def invite(ctx: click.Context, organization: str, addressee: str, *, as_json: bool) -> None:
    """Offer ADDRESSEE the first administrator's seat in ORGANIZATION, an id or the word 'operator'.

    The token is shown once; it is taken up at POST /api/public/v1/invitation_acceptances.
    """
    try:
        tenant = OPERATOR_ID if organization == "operator" else UUID(organization)
    except ValueError:
        raise click.BadParameter("an organisation's id, or the word 'operator'", param_hint="ORGANIZATION") from None
    with application(as_json=as_json, language=i18n.language.get()), acting_for(tenant, operator=True), transaction():
        if tenant == OPERATOR_ID:
            found_operator()
        invitation, token = invite_administrator(addressee=addressee)
        facts = {
            "organization_id": str(tenant),
            "roles": list(invitation.roles),
            "expires_at": invitation.expires_at.isoformat(),
            "token": token,
        }
    click.echo(
        json.dumps(facts, indent=2) if as_json else f"{token}\n{', '.join(facts['roles'])}, until {facts['expires_at']}"
    )


def _import(file: Path, *, dry_run: bool, quiet: bool) -> tuple[Reading, ImportCounts]:
    if file.stat().st_size > UPLOAD_LIMIT_BYTES:
        raise click.ClickException(f"{file} is larger than {UPLOAD_LIMIT_BYTES >> 20} MiB: split it")
    content = file.read_bytes()
    reading = read_hospitals(content)
    columns = (TextColumn("listing hospitals"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # The bar goes to standard error, so that standard output is the report alone.
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("", total=len(reading.rows))
        with (
            application(as_json=quiet, language=i18n.language.get()),
            across_tenants(reason=f"import of {file.name}"),
            transaction(),
        ):
            counts = import_hospitals(
                reading, content, dry_run=dry_run, progress=lambda rows: bar.update(task, advance=rows)
            )
    return reading, counts


def _show(file: Path, told: dict[str, Any]) -> None:
    console = Console()
    if told["problems"]:
        console.print(_problems_table(told["problems"]))
    if (hidden := told["errors"] + told["duplicates"] + told["notices"] - PROBLEMS_SHOWN) > 0:
        console.print(f"… and {hidden} more: --json shows them", style="dim")
    table = Table(title=f"{file.name}{' (dry run: nothing was kept)' if told['dry_run'] else ''}")
    for name in ("rows", "created", "updated", "unchanged", "duplicates", "errors", "notices"):
        table.add_column(name, justify="right")
    table.add_row(
        *(f"{told[name]:,}" for name in ("rows", "created", "updated", "unchanged", "duplicates", "errors", "notices"))
    )
    console.print(table)


def _problems_table(problems: list[dict[str, Any]]) -> Table:
    table = Table(title="Rows to look at")
    for name in ("row", "field", "kind", "reason", "mend"):
        table.add_column(name, justify="right" if name == "row" else "left")
    for problem in problems[:PROBLEMS_SHOWN]:
        table.add_row(*(str(problem[name]) for name in ("row", "field", "kind", "reason", "mend")))
    return table
