"""`tandem env`: where the running stack is, for people, for shells and for machines."""

import json
import os
from pathlib import Path
from typing import Any

import click

from tandem.cli.machines import AS_JSON
from tandem.embedded.home import Home


@click.command()
@AS_JSON
def env(*, as_json: bool) -> None:
    """Base URL, database URLs of the three roles, Redis URL and, when it is used, the Stripe sandbox's URL."""
    home = Home(Path(os.environ["TANDEM_HOME"]))
    facts = where(home)
    if not facts["base_url"]:
        raise click.ClickException(f"no stack was started from {home.path}: run `tandem up`, or set TANDEM_HOME")
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    urls = facts.pop("database_urls")
    for name, value in {**facts, **{f"{role}_database_url": url for role, url in urls.items()}}.items():
        click.echo(f"{name:<24} {value}")


def where(home: Home) -> dict[str, Any]:
    """What the environment says, else what `tandem up` wrote down: the order in which the platform itself looks."""
    stack, environ = home.stack(), os.environ
    urls = stack.get("database_urls", {})
    facts: dict[str, Any] = {
        "home": str(home.path),
        "running": home.running_pid() is not None,
        "base_url": environ.get("TANDEM_BASE_URL") or stack.get("base_url"),
        "database_urls": {
            role: environ.get(f"TANDEM_{role.upper()}_DATABASE_URL") or urls.get(role)
            for role in ("owner", "app", "operator")
        },
        "redis_url": environ.get("REDIS_URL") or stack.get("redis_url"),
    }
    if stack.get("sandbox_url") and not environ.get("STRIPE_SECRET_KEY"):
        facts["sandbox_url"] = stack["sandbox_url"]
    return facts
