"""What stories about money share."""

from collections.abc import Callable

import psycopg
import pytest

from tandem.embedded.roles import with_database
from tandem.kernel.settings import Settings


@pytest.fixture
def as_superuser(admin_url: str, settings: Settings) -> Callable[..., None]:
    """Somebody with every right on the server, who switches the triggers off before helping himself."""
    database = settings.app_database_url.rpartition("/")[2].partition("?")[0]

    def alter(statement: str, *values: object) -> None:
        with psycopg.connect(with_database(admin_url, database)) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement, values)

    return alter
