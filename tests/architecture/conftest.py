"""A database and an application for walks only: twins, made by rule, are no company for stories."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine

from tandem.embedded.roles import DatabaseUrls, with_database
from tandem.kernel.settings import Settings
from tests.architecture.walks import opened


@pytest.fixture(scope="session")
def walk_database(admin_url: str) -> str:
    """A superuser's way into the walkers' database."""
    return with_database(admin_url, f"walk_{os.getpid()}")


@pytest.fixture(scope="session")
def houses() -> list[Any]:
    """The three houses."""
    import b2b.wiring
    import tandem.wiring
    import tenants.wiring

    return [tandem.wiring, tenants.wiring, b2b.wiring]


@pytest.fixture(scope="session")
def walked_settings(settings: Settings, new_database: Callable[[str], DatabaseUrls]) -> Settings:
    """The run's settings with the walkers' database, migrated."""
    urls = new_database("walk")
    return replace(
        settings,
        app_database_url=urls.app,
        operator_database_url=urls.operator,
        owner_database_url=urls.owner,
    )


@pytest.fixture(scope="session")
def walked_app(walked_settings: Settings, houses: list[Any]) -> Iterator[Flask]:
    """The whole application on the walkers' database."""
    yield from opened(walked_settings, houses)


@pytest.fixture(scope="session")
def engine(walked_app: Flask, walk_database: str) -> Iterator[Engine]:
    """A superuser, who makes twins."""
    made = create_engine(walk_database.replace("postgresql://", "postgresql+psycopg://"))
    yield made
    made.dispose()
