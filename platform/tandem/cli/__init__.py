"""`tandem …`: one module per group of commands, loaded only when it is called, so that `tandem env` stays quick."""

import os
from importlib import import_module
from pathlib import Path
from typing import Final

import click

from tandem.embedded.errors import ServerRefused
from tandem.kernel.settings import HOME_DEFAULT, SettingsMissing

# name -> (module, attribute, what it does), in the order of a newcomer's day; who has no words is not for people.
COMMANDS: Final = {
    "up": ("tandem.cli.up", "up", "Start everything on this machine and keep it running."),
    "env": ("tandem.cli.env", "env", "Where the running stack is: base, database, Redis and sandbox URLs."),
    "doctor": ("tandem.cli.doctor", "doctor", "Say what is wrong with this environment and how to mend it."),
    "db": ("tandem.cli.db", "db", "Create roles, migrate, and prove that migrations and models agree."),
    "accounts": ("tandem.cli.accounts", "accounts", "Import hospitals; invite first administrators."),
    "serve": ("tandem.cli.serve", "serve", "gunicorn, workers and scheduler from one loaded application."),
    "worker": ("tandem.cli.worker", "worker", "Work one queue, with the app preloaded."),
    "scheduler": ("tandem.cli.scheduler", "scheduler", "Ring the jobs that are due."),
    "jobs": ("tandem.cli.jobs", "jobs", "Jobs that were given up: list them, replay them."),
    "audit": ("tandem.cli.audit", "audit", "Check that the audit trail is as it was recorded."),
    "ledger": ("tandem.cli.ledger", "ledger", "Prove the books; export one as CSV, beancount or hledger."),
    "invoices": ("tandem.cli.invoices", "invoices", "Bills that wait: list them, release a customer, try all again."),
    "settlements": ("tandem.cli.settlements", "settlements", "Statements: list them, run them again."),
    "reconcile": ("tandem.cli.reconcile", "reconcile", "Reconcile a day; list what differs."),
    "bank": ("tandem.cli.bank", "bank", "Bank lines that nothing explains, and what waits for a second person."),
    "demo": ("tandem.cli.demo", "demo", "A small seeded world, and whole days lived on the running platform."),
    "prepare": ("tandem.cli.prepare", "prepare", ""),
}


class LazyGroup(click.Group):
    """Finds a command's module by its name in COMMANDS and imports nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, attribute, _ = COMMANDS[cmd_name]
        found = getattr(import_module(module), attribute)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, _, told) in COMMANDS.items() if told])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (ServerRefused, SettingsMissing) as refusal:
            # These say in one line what to do; a traceback above it would only hide that.
            raise click.ClickException(str(refusal)) from refusal


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tandem", prog_name="tandem")
def main() -> None:
    """Tandem: hospitals practise, the operator runs the platform, and every fen adds up."""
    os.environ.setdefault("TANDEM_HOME", str(default_home()))


def default_home() -> Path:
    """The data folder of this checkout, from wherever the command is called; else of the working folder."""
    checkout = Path(__file__).resolve().parents[3]
    return (checkout if (checkout / "wsgi.py").exists() else Path.cwd()) / HOME_DEFAULT
