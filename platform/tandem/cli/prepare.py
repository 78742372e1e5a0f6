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
    """Migrate after the first line on standard input, seed after the second; tell each as JSON on standard output."""
    if not _told_to_go():
        return
    settings = Settings.load()
    if settings.owner_database_url is None:
        raise ServerRefused("TANDEM_OWNER_DATABASE_URL is not set, and migrations run as the owner")
    click.echo(json.dumps({"migrated": upgrade(settings.owner_database_url)}))
    # The application is loaded only now: until the web server is ready it needs the processor more than we do.
    if not _told_to_go():
        return
    app = import_module("wsgi").app
    # Invented patients have no place where real money moves.
    seeded = {"logins": []} if settings.is_live else import_module("tandem.demo").seed(app)
    click.echo(json.dumps(seeded))


def _told_to_go() -> bool:
    return sys.stdin.readline().strip() == "go"
