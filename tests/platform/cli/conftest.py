"""The command, in this process."""

from collections.abc import Callable, Iterator
from contextvars import copy_context

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from tandem.billing import stripe_gateway
from tandem.cli import main
from tandem.kernel import clock
from tandem.kernel.settings import Settings

Tandem = Callable[..., Result]


@pytest.fixture
def tandem(
    app: Flask, settings: Settings, process_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tandem]:
    """`tandem` with these words: it finds the running stack by the environment; afterwards this process is as it was.

    A command opens an application of its own, and the last one opened says which clock and which Stripe a process has.
    The language it speaks is its own as well.
    """
    for name, value in process_environment.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Result:
        return copy_context().run(CliRunner().invoke, main, words)

    yield run
    clock.follow(settings.clock_file)
    stripe_gateway.configure(settings)
