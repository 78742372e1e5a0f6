"""`tandem doctor`: what is wrong with this environment, and how to mend it."""

import json
import os
from pathlib import Path

import click

from tandem.cli.machines import AS_JSON
from tandem.embedded.examination import examine
from tandem.embedded.home import Home


@click.command()
@AS_JSON
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look at Python, disk, ports, keys, servers, roles, migrations and clocks. Exit code 1 if something is wrong."""
    findings = list(examine(Home(Path(os.environ["TANDEM_HOME"]))))
    wrong = sum(not finding.ok for finding in findings)
    if as_json:
        told = [{"name": f.name, "ok": f.ok, "seen": f.seen, "mend": f.mend or None} for f in findings]
        click.echo(json.dumps({"ok": wrong == 0, "findings": told}, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name:<22} {finding.seen}")
            if not finding.ok:
                click.echo(f"       {'':<22} -> {finding.mend}")
        click.echo("all is well" if wrong == 0 else f"{wrong} to mend")
    ctx.exit(1 if wrong else 0)
