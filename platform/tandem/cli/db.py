"""`tandem db …`: roles, migrations, and the proof that migrations and models agree."""

import json
import os
import tempfile
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from tandem.cli.machines import AS_JSON
from tandem.embedded import start_postgres
from tandem.embedded.distribution import distribute, missing_sql, whole_sql
from tandem.embedded.errors import ServerRefused
from tandem.embedded.home import Home
from tandem.embedded.roles import ROLES, VARIABLES, DatabaseUrls, administrators_sql, prepare_database
from tandem.embedded.schema import differences, downgrade, pending, tables, upgrade


@click.group()
def db() -> None:
    """Create roles, migrate, and prove that migrations and models agree."""


@db.command()
@click.option("--dry-run", is_flag=True, help="Print the SQL for an administrator instead.")
@AS_JSON
def roles(*, dry_run: bool, as_json: bool) -> None:
    """Create tandem_owner, tandem_app, tandem_operator and the database on the server of DATABASE_URL."""
    if dry_run:
        click.echo("\n".join(administrators_sql()))
        return
    admin_url = os.environ.get("DATABASE_URL")
    if not admin_url:
        raise click.ClickException("DATABASE_URL is not set: give an administrator's URL of the server")
    # A role whose URL is given gets the password that stands in it; the others get one of ours.
    given = {role: os.environ[name] for role, name in VARIABLES.items() if os.environ.get(name)}
    told = {role: unquote(urlsplit(url).password or "") for role, url in given.items()}
    secrets = _home().secrets() if len(told) < len(ROLES) else {}
    ours = {role: secrets[f"{role.removeprefix('tandem_')}_password"] for role in ROLES if role not in told}
    urls = prepare_database(admin_url, ours | told, given=given)
    if as_json:
        click.echo(json.dumps(urls.as_dict()))
    else:
        for role, url in urls.as_dict().items():
            click.echo(f"TANDEM_{role.upper()}_DATABASE_URL={url}")


@db.command("upgrade")
@click.option("--dry-run", is_flag=True, help="Only list what would be applied.")
def upgrade_command(*, dry_run: bool) -> None:
    """Apply the migrations that are missing."""
    url = _owner_url()
    names = pending(url) if dry_run else upgrade(url)
    for name in names:
        click.echo(f"{'pending' if dry_run else 'applied'}  {name}")
    if not names:
        click.echo("nothing to do: the database is up to date")


@db.command()
def check() -> None:
    """Upgrade from empty, downgrade, upgrade again, compare with the models; on a PostgreSQL made for it."""
    with tempfile.TemporaryDirectory(prefix="tandem-check-") as folder:
        home = Home(Path(folder) / "home")
        home.create()
        password = home.secrets()["postgres_password"]
        server = start_postgres(home.path, password=password, durable=False)
        try:
            urls = prepare_database(server.admin_url, dict.fromkeys(ROLES, password))
            names = upgrade(urls.owner)
            click.echo(f"upgraded from empty: {len(names)} migrations, {len(tables(urls.owner))} tables")
            _down_and_up(urls.owner)
            _load_models(home, urls)
            found = differences(urls.owner)
        finally:
            server.stop()
    if found:
        raise click.ClickException("models and migrations differ:\n  " + "\n  ".join(found))
    click.echo("models and migrations agree")


@db.command("distribute")
@click.option("--dry-run", is_flag=True, help="Only print the SQL: what DATABASE_URL lacks, or without it all of it.")
def distribute_command(*, dry_run: bool) -> None:
    """Put the migrated schema on the Citus cluster behind DATABASE_URL. Doing it again changes nothing."""
    admin_url = os.environ.get("DATABASE_URL")
    with tempfile.TemporaryDirectory(prefix="tandem-distribute-") as folder:
        home = Home(Path(folder) / "home")
        home.create()
        home.secrets()
        _load_models(home, DatabaseUrls(*["postgresql://nobody@127.0.0.1:1/nowhere"] * len(ROLES)))
    if admin_url:
        statements = missing_sql(admin_url) if dry_run else distribute(admin_url)
    elif dry_run:
        statements = whole_sql()
    else:
        raise click.ClickException("DATABASE_URL is not set: give a superuser's URL of the coordinator's database")
    for statement in statements:
        click.echo(f"{statement};")
    if not statements:
        click.echo("-- nothing to do: every table is in its place")


def _down_and_up(owner_url: str) -> None:
    before = tables(owner_url)
    try:
        downgrade(owner_url, "base")
    except NotImplementedError as irreversible:
        click.echo(f"downgraded as far as possible: {irreversible}")
    else:
        if left := tables(owner_url):
            raise click.ClickException(f"downgrading to nothing leaves {', '.join(sorted(left))}")
        click.echo("downgraded to nothing")
    upgrade(owner_url)
    if tables(owner_url) != before:
        raise click.ClickException("upgrading again does not give the same tables")
    click.echo("upgraded again")


def _load_models(home: Home, urls: DatabaseUrls) -> None:
    """Only a loaded application has every house's models on the one metadata; it connects to nothing here."""
    home.write_stack({"database_urls": urls.as_dict(), "redis_url": "redis://127.0.0.1:1/0"})
    os.environ["TANDEM_HOME"] = str(home.path)
    import_module("wsgi")


def _owner_url() -> str:
    url = os.environ.get("TANDEM_OWNER_DATABASE_URL") or _home().stack().get("database_urls", {}).get("owner")
    if not url:
        raise ServerRefused("TANDEM_OWNER_DATABASE_URL is not set and no stack was started here: run `tandem up`")
    return str(url)


def _home() -> Home:
    home = Home(Path(os.environ["TANDEM_HOME"]))
    home.create()
    return home
