"""`tandem up`: everything on this machine, from an empty folder to a running demonstration."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tandem.embedded.home import Home
from tandem.embedded.stack import Stack, StoppedEarly
from tandem.embedded.stopping import Stopping


@click.command()
@click.option("--demo/--no-demo", default=True, show_default=True, help="Seed the demonstration data.")
def up(*, demo: bool) -> None:
    """Start servers, migrations, demonstration data, web, workers and scheduler; Ctrl-C stops them all.

    TANDEM_HOME is the data folder, TANDEM_PORT the port (8000 or the next free one). DATABASE_URL, REDIS_URL and
    STRIPE_SECRET_KEY lead to real servers instead of those brought along.
    """
    home = Home(Path(os.environ["TANDEM_HOME"]))
    home.create()
    with Stopping() as stopping, home.held():
        _say(f"starting Tandem; its data is in {home.path}")
        stack = Stack(home, os.environ, _say, stopping)
        try:
            _tell(stack, stack.start(demo=demo))
            stack.watch()
        except StoppedEarly:
            _say("stopped while starting")
        finally:
            _say("stopping")
            stack.stop()
    _say("stopped; the data stays, `make run` goes on from here")


def _tell(stack: Stack, seeded: dict[str, Any]) -> None:
    base = stack.plan.base_url
    for name, path in (("API documentation", "/docs"), ("OpenAPI document", "/openapi.json"), ("health", "/readyz")):
        _say(f"  {name:<18} {base}{path}")
    if stack.plan.sandbox_url:
        _say(f"  {'Stripe sandbox':<18} {stack.plan.sandbox_url}")
    logins = seeded.get("logins", [])
    if logins:
        _say("One login for each audience:")
    for login in logins:
        _say(f"  {login['audience']:<10} {base}{login['path']:<22} {login['login']}   {login['password']}")
    _say("Ctrl-C stops everything.")


def _say(line: str) -> None:
    # The terminal may be gone; that is a reason to stop, not to fail while stopping.
    with suppress(OSError):
        click.echo(line)
