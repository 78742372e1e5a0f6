"""PostgreSQL and Valkey from pip: real servers for the one-command run and for the tests, no root, no Docker.

The two packages bring their own Python wrappers, which trust every local user and stop the server with the
last Python handle. Only their binaries are used here: passwords on, own data folder, own port, and stopped by
whoever started them.
"""

from typing import Protocol

from tandem.embedded.errors import ServerRefused
from tandem.embedded.leash import Leash
from tandem.embedded.postgres import PostgresServer, start_postgres
from tandem.embedded.valkey import ValkeyServer, start_valkey


class Server(Protocol):
    """A server this machine runs for us. `url` carries the password, so it never goes to a log."""

    @property
    def url(self) -> str: ...

    def stop(self) -> None: ...


__all__ = [
    "Leash",
    "PostgresServer",
    "Server",
    "ServerRefused",
    "ValkeyServer",
    "start_postgres",
    "start_valkey",
]
