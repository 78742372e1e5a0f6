"""The socket people knock at. The supervisor opens it and keeps it; gunicorn only answers.

So nobody can take the port between our look and gunicorn's bind, two checkouts that start at once get two ports, and
while gunicorn is started again callers wait instead of being refused.
"""

import errno
import socket
from typing import Final
from urllib.parse import urlsplit

from tandem.embedded.errors import ServerRefused

DEFAULT_PORT: Final = 8000
TRIED_PORTS: Final = 1000


def open_door(wanted: str | None) -> socket.socket:
    """Listen on TANDEM_PORT, or on 8000 or the next port nobody has. Raises ServerRefused in one line."""
    if wanted:
        if not wanted.isdigit() or not 0 < int(wanted) < 65536:
            raise ServerRefused(f"TANDEM_PORT={wanted} is not a port: give a number from 1 to 65535")
        return _listen(int(wanted))
    for port in range(DEFAULT_PORT, DEFAULT_PORT + TRIED_PORTS):
        try:
            return _listen(port)
        except ServerRefused:
            continue
    raise ServerRefused(f"no port from {DEFAULT_PORT} on is free: give one as TANDEM_PORT")


def knock(url: str, default_port: int) -> None:
    """Refuse, in one line, a server of somebody else's that does not even answer the door."""
    place = urlsplit(url)
    host, port = place.hostname or "localhost", place.port or default_port
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        raise ServerRefused(f"nobody answers at {host}:{port} ({error.strerror or error}): is it running?") from None


def _listen(port: int) -> socket.socket:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(("127.0.0.1", port))
        door.listen(1024)
    except OSError as error:
        door.close()
        if error.errno == errno.EACCES:
            raise ServerRefused(f"port {port} is for root alone: give a TANDEM_PORT of 1024 or more") from None
        raise ServerRefused(
            f"port {port} is taken: stop what listens there, give another TANDEM_PORT, or leave it unset"
        ) from None
    return door
