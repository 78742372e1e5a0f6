"""`tandem worker QUEUE`: the application is loaded once, before the first job."""

from importlib import import_module

import click


@click.command()
@click.argument("queue")
def worker(queue: str) -> None:
    """Work one queue until TERM or INT. One queue per process: with two, a killed worker loses jobs."""
    app = import_module("wsgi").app
    jobs = import_module("tandem.kernel.jobs.worker")
    with app.app_context():
        try:
            jobs.work(queue)
        except ValueError as refused:
            raise click.ClickException(str(refused)) from refused
