"""`tandem worker QUEUE`: the application is loaded once, before the first job."""

from importlib import import_module

import click

from tandem.kernel.jobs.worker import work


@click.command()
@click.argument("queue")
def worker(queue: str) -> None:
    """Work one queue until TERM or INT. One queue per process: with two, a killed worker loses jobs."""
    # By name, as gunicorn does: no arrow points from the platform up to the roof.
    with import_module("wsgi").app.app_context():
        try:
            work(queue)
        except ValueError as refused:
            raise click.ClickException(str(refused)) from refused
