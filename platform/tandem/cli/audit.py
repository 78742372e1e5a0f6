"""`tandem audit verify`: recompute every tenant's chain and say which row, if any, is not what was recorded."""

from collections.abc import Iterable
from dataclasses import asdict
from uuid import UUID

import click
from rich.table import Table

from tandem.cli.application import application
from tandem.cli.machines import AS_JSON, machine_json
from tandem.cli.people import print_table
from tandem.kernel.audit import Verdict, tenants_with_a_trail, verify
from tandem.kernel.tenancy import REPORT_TIMEOUT_MS, across_tenants, acting_for


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@click.option("--tenant", type=click.UUID, help="Only this organisation's trail; without it, all.")
@AS_JSON
def verify_trails(*, tenant: UUID | None, as_json: bool) -> None:
    """Check chains, gaps, strays and signed checkpoints. Exit 1 when anything was altered, added or removed."""
    with application():
        verdicts = [_verdict(each) for each in ([tenant] if tenant else _tenants())]
    if as_json:
        click.echo(machine_json({"verdicts": [asdict(each) for each in verdicts]}))
    else:
        _print(verdicts)
    broken = sum(verdict.broken is not None for verdict in verdicts)
    if broken:
        raise click.exceptions.Exit(1)


def _tenants() -> list[UUID]:
    with across_tenants(reason="tandem audit verify"):
        return tenants_with_a_trail()


def _verdict(tenant: UUID) -> Verdict:
    with acting_for(tenant, statement_timeout_ms=REPORT_TIMEOUT_MS):
        return verify()


def _print(verdicts: Iterable[Verdict]) -> None:
    table = Table("tenant", "sealed", "pending", "checkpoints", "verdict", box=None)
    events = 0
    for verdict in verdicts:
        events += verdict.sealed
        counts = (str(number) for number in (verdict.sealed, verdict.pending, verdict.checkpoints))
        table.add_row(str(verdict.tenant_id), *counts, _words(verdict))
    print_table(table)
    click.echo(f"{events} sealed events checked")


def _words(verdict: Verdict) -> str:
    broken = verdict.broken
    if broken is None:
        return "intact"
    place = "" if broken.seq is None else f" at link {broken.seq}"
    event = "" if broken.audit_id is None else f", event {broken.audit_id}"
    return f"{broken.how.upper()}{place}{event}"
