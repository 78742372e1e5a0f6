"""`tandem demo …`: a small seeded world, and days lived on the running platform."""

import json
import shlex
import sys
from importlib import import_module
from pathlib import Path

import click

from tandem.cli.machines import AS_JSON
from tandem.demo import DayCutShort, DaySettings, live_days, seed, seeded_world
from tandem.demo.sheet import print_account
from tandem.kernel.settings import Settings


@click.group()
def demo() -> None:
    """Seed a small world, or live whole days on the running platform."""


@demo.command("seed")
@click.option("--json", "as_json", is_flag=True, help="Base URL, tokens and ids for an outside program.")
@click.option(
    "--shell", "as_shell", is_flag=True, help='The same as lines for a shell: eval "$(tandem demo seed --shell)"'
)
def seed_command(*, as_json: bool, as_shell: bool) -> None:
    """Make sure the small world is there, and tell how to knock at each door."""
    settings = Settings.load()
    try:
        seed(import_module("wsgi").app)
        world = seeded_world(settings)
    except DayCutShort as cut:
        raise click.ClickException(str(cut)) from cut
    if as_json:
        click.echo(json.dumps(world, ensure_ascii=False, indent=1))
        return
    if as_shell:
        facts = {"base_url": world["base_url"], **{f"{name}_token": each for name, each in world["tokens"].items()}}
        facts |= {f"{name}_id": each for name, each in world["ids"].items() if each}
        click.echo("\n".join(f"export {name.upper()}={shlex.quote(each)}" for name, each in facts.items()))
        return
    click.echo(f"{world['base_url']}")
    for login in world["logins"]:
        click.echo(f"  {login['audience']:<10} {login['login']:<22} {login['password']}")


@demo.command("day")
@click.option("--hospitals", default=6, show_default=True, type=click.IntRange(1, 2_000))
@click.option("--patients", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, 31))
@click.option("--seed", "seed_number", default=7, show_default=True, type=int)
@click.option(
    "--from", "from_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Hospitals CSV."
)
@click.option("--misbehave", is_flag=True, help="Let the Stripe sandbox duplicate, delay, lose and overcharge.")
@click.option("--threads", default=6, show_default=True, type=click.IntRange(1, 32))
@AS_JSON
def day(
    *,
    hospitals: int,
    patients: int,
    days: int,
    seed_number: int,
    from_file: Path | None,
    misbehave: bool,
    threads: int,
    as_json: bool,
) -> None:
    """Live days over HTTP, from admission to reconciliation. Exit 0 when every proof holds."""
    wish = DaySettings(hospitals, patients, days, seed_number, from_file, misbehave, threads)
    say = (lambda line: click.echo(line, err=True)) if as_json or not sys.stdout.isatty() else click.echo
    try:
        account = live_days(Settings.load(), wish, say)
    except DayCutShort as cut:
        raise click.ClickException(str(cut)) from cut
    if as_json:
        click.echo(json.dumps(account, ensure_ascii=False, indent=1))
    else:
        print_account(account)
    if not all(proof["holds"] for proof in account["proofs"]):
        sys.exit(1)
