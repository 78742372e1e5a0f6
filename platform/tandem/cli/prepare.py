"""`tandem prepare`: the supervisor's helper that migrates and seeds. It loads its code while the database is made."""

import json
import sys
from importlib import import_module

import click

from tandem.embedded.errors import ServerRefused
from tandem.embedded.schema import upgrade
from tandem.kernel.settings import Settings


@click.command(hidden=True)
def prepare() -> None:
    """Wait for a line on standard input, then migrate and seed, telling each on standard output as JSON."""
    if sys.stdin.readline().strip() != "go":
        return
    settings = Settings.load()
    if settings.owner_database_url is None:
        raise ServerRefused("TANDEM_OWNER_DATABASE_URL is not set, and migrations run as the owner")
    click.echo(json.dumps({"migrated": upgrade(settings.owner_database_url)}))
    # The application is loaded only now: until here the web server needed the processor more.
    app = import_module("wsgi").app
    demonstration = import_module("tandem.demo")
    click.echo(json.dumps(demonstration.seed(app)))
