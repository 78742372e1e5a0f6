"""`tandem settlements …`: statements between the operator and hospitals, and between the operator and employers."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from rich.table import Table
from sqlalchemy import RowMapping, select

from tandem.billing.settlements import EmployerStatement, SettlementStatement, document_of, employer_document_of
from tandem.billing.settlements.commands import withdraw_transfer
from tandem.billing.settlements.documents import content_of, pdf_of, write_xlsx
from tandem.billing.settlements.kit import kit_parts
from tandem.billing.settlements.models import SettlementTransfer, TransferReturn
from tandem.billing.settlements.queries import any_statement, employer_statement, statement
from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.cli.people import print_table
from tandem.kernel.database import rows, session
from tandem.kernel.i18n import format_money
from tandem.kernel.money import EXPONENTS
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, across_tenants, acting_for, transaction

_SUMS = ("gross_minor", "refunds_minor", "provider_fees_minor", "operator_fee_minor", "payable_minor")
_EMPLOYER_SUMS = ("invoiced_minor", "paid_minor", "drawn_minor", "open_minor", "unspent_minor")


@click.group()
def settlements() -> None:
    """Settlement statements."""


@settlements.command("list")
@click.option("--hospital", type=click.UUID, help="Only this hospital's; without it, all.")
@click.option("--employer", type=click.UUID, help="Only this employer's; without it, all.")
@AS_JSON
def list_statements(*, hospital: UUID | None, employer: UUID | None, as_json: bool) -> None:
    """Statements with their sums, in order of party and number: hospitals' first, then employers'."""
    with application():
        hospitals, employers = _both(hospital, employer)
    if as_json:
        told = {"statements": _told("hospital", hospitals), "employer_statements": _told("employer", employers)}
        click.echo(machine_json(told))
        return
    if hospitals or not employers:
        _print("hospital", hospitals, _SUMS)
    if employers:
        _print("employer", employers, _EMPLOYER_SUMS)


@settlements.command("verify")
@click.option("--hospital", type=click.UUID, help="Only this hospital's; without it, all.")
@click.option("--employer", type=click.UUID, help="Only this employer's; without it, all.")
def verify_statements(*, hospital: UUID | None, employer: UUID | None) -> None:
    """Run every statement's queries again and compare the bytes. Exit 1 when any differs."""
    with application():
        hospitals, employers = _both(hospital, employer)
        changed = [row for row in hospitals if not _is_reproduced(row)]
        changed += [row for row in employers if not _is_reproduced_to_employer(row)]
    for row in changed:
        click.echo(f"statement {row['id']} of {row['tenant_id']} no longer says what was proposed")
    click.echo(f"{len(hospitals) + len(employers)} statements run again, {len(changed)} changed")
    if changed:
        raise click.exceptions.Exit(1)


@settlements.command("kit")
@click.argument("statement_id", metavar="STATEMENT", type=click.UUID)
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it: a folder that is empty or does not exist yet.",
)
def write_kit(*, statement_id: UUID, folder: Path) -> None:
    """Write the folder with which a hospital or an employer proves its statement: python3 FOLDER/verify.py."""
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty: name a new folder, or empty it")
    with application():
        party = _party_of(statement_id)
        folder.mkdir(parents=True, exist_ok=True)
        names = []
        for name, parts in groupby(kit_parts(party, statement_id, operator=True), key=itemgetter(0)):
            names.append(name)
            with (folder / name).open("wb") as file:
                file.writelines(part for _, part in parts)
    click.echo(f"{len(names)} files in {folder}; prove them with: python3 {folder / 'verify.py'}")


@settlements.command("document")
@click.argument("statement_id", metavar="STATEMENT", type=click.UUID)
@click.option("--format", "kind", type=click.Choice(["pdf", "xlsx"]), default="pdf", show_default=True)
@click.option(
    "--out", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
def write_document(*, statement_id: UUID, kind: str, path: Path) -> None:
    """Write a statement to print, stamp and file; the workbook holds every entry behind it."""
    with application():
        party = _party_of(statement_id)
        with acting_for(party, operator=True, statement_timeout_ms=REPORT_TIMEOUT_MS):
            content = content_of(any_statement(statement_id))
            # Under another name until it is whole: half a statement is none.
            part = path.with_name(f"{path.name}.part")
            try:
                with part.open("wb") as file:
                    if kind == "pdf":
                        file.write(pdf_of(content))
                    else:
                        write_xlsx(content, file)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
    click.echo(f"statement {content.number} of {party}: {path}")


@settlements.command("transfers")
@click.option("--hospital", type=click.UUID, help="Only this hospital's; without it, all.")
@AS_JSON
@click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
def list_transfers(*, hospital: UUID | None, as_json: bool, limit: int) -> None:
    """What was asked to be sent to hospitals and what comes back of it, each newest first."""
    with application(), across_tenants(reason="tandem settlements transfers"):
        sent, returned = (_newest(model, hospital, limit) for model in (SettlementTransfer, TransferReturn))
    if as_json:
        click.echo(machine_json({"transfers": sent, "returns": returned}))
        return
    for row in sent:
        why = row["failure_code"] or row["withdrawn_because"] or ""
        back = f", {_money(row, 'reversed_minor')} of it taken back" if row["reversed_minor"] else ""
        what = f"{_money(row, 'amount_minor')} {row['status']}{back} {why}".rstrip()
        click.echo(f"hospital {row['tenant_id']} transfer {row['id']} {what}")
    for row in returned:
        why = row["failure_code"] or row["declined_because"] or row["because"] or "made at the provider"
        what = f"{_money(row, 'amount_minor')} {row['status']}: {why}"
        click.echo(f"transfer {row['transfer_id']} return {row['id']} {what}")
    click.echo(f"{len(sent)} transfers, {len(returned)} returns; hospitals decide on returns, over the API")


@settlements.command("withdraw")
@click.argument("hospital", type=click.UUID)
@click.argument("transfer", type=click.UUID)
@click.option("--because", required=True, help="Why it is paid in another way; the hospital reads it.")
def withdraw(*, hospital: UUID, transfer: UUID, because: str) -> None:
    """Take back a transfer that waits and was not put to the provider."""
    with application(), acting_for(hospital, operator=True), transaction():
        withdraw_transfer(transfer, because=because)
    click.echo("withdrawn: the statement can be paid in another way")


def _newest(
    model: type[SettlementTransfer] | type[TransferReturn], hospital: UUID | None, limit: int
) -> list[dict[str, Any]]:
    wanted = select(*model.__table__.c)
    if hospital is not None:
        wanted = wanted.where(model.tenant_id == hospital)
    # Ids are made in the order of time.
    return [dict(row) for row in rows(wanted.order_by(model.id.desc()).limit(limit))]


def _money(row: dict[str, Any], column: str) -> str:
    return format_money(int(row[column]), row["currency"], EXPONENTS[row["currency"]])


def _party_of(statement_id: UUID) -> UUID:
    hospitals, employers = (
        select(model.tenant_id).where(model.id == statement_id) for model in (SettlementStatement, EmployerStatement)
    )
    with across_tenants(reason="tandem settlements"):
        found = session.scalar(hospitals) or session.scalar(employers)
    if found is None:
        raise click.ClickException(f"there is no statement {statement_id}: see 'tandem settlements list'")
    return found


def _both(hospital: UUID | None, employer: UUID | None) -> tuple[Sequence[RowMapping], Sequence[RowMapping]]:
    """Hospitals' and employers' statements; whoever names one party is shown that party only."""
    hospitals = [] if employer is not None and hospital is None else _statements(SettlementStatement, hospital)
    employers = [] if hospital is not None and employer is None else _statements(EmployerStatement, employer)
    return hospitals, employers


def _statements(model: type[SettlementStatement] | type[EmployerStatement], party: UUID | None) -> Sequence[RowMapping]:
    wanted = select(*model.__table__.c)
    if party is not None:
        wanted = wanted.where(model.tenant_id == party)
    with across_tenants(reason="tandem settlements"):
        return rows(wanted.order_by(model.tenant_id, model.number))


def _told(kind: str, found: Sequence[RowMapping]) -> list[dict[str, Any]]:
    return [{"party_kind": kind, **row} for row in found]


def _print(kind: str, found: Sequence[RowMapping], names: Sequence[str]) -> None:
    table = Table(kind, "no.", "days", "status", *(name.removesuffix("_minor") for name in names), box=None)
    for row in found:
        days = f"{row['first_day']}–{row['last_day']}"
        sums = (format_money(row[name], row["currency"], EXPONENTS[row["currency"]]) for name in names)
        table.add_row(str(row["tenant_id"]), str(row["number"]), days, row["status"], *sums)
    print_table(table)


def _is_reproduced(row: RowMapping) -> bool:
    with acting_for(row["tenant_id"], operator=True, statement_timeout_ms=REPORT_TIMEOUT_MS):
        return document_of(statement(row["id"]))[1] == str(row["document_sha256"])


def _is_reproduced_to_employer(row: RowMapping) -> bool:
    with acting_for(row["tenant_id"], operator=True, statement_timeout_ms=REPORT_TIMEOUT_MS):
        return employer_document_of(employer_statement(row["id"]))[1] == str(row["document_sha256"])
