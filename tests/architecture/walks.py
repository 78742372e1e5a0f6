"""An application of its own for a walk, which leaves no connection behind."""

from collections.abc import Iterator
from typing import Any

from flask import Flask

from tandem.app import create_app
from tandem.kernel.database import db
from tandem.kernel.settings import Settings


def opened(settings: Settings, houses: list[Any]) -> Iterator[Flask]:
    """The application of these houses, until the walk is over."""
    made = create_app(settings, houses)
    yield made
    with made.app_context():
        for engine in db.engines.values():
            engine.dispose()
