"""The door of our own competitors: build the application on this run's database, then do the task."""

import sys
from importlib import import_module

import b2b.wiring
import tandem.wiring
import tenants.wiring
from benchmarks.stopwatch import Task
from tandem.app import create_app
from tandem.kernel.settings import Settings


def main() -> None:
    """`python -m benchmarks.money.entry benchmarks.ours.posting:spread '{…}'`"""
    module, _, name = sys.argv[1].partition(":")
    work = getattr(import_module(module), name)
    app = create_app(Settings.load(), [tandem.wiring, tenants.wiring, b2b.wiring])
    with app.app_context():
        work(Task.given())


if __name__ == "__main__":
    main()
