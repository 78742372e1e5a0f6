"""TANDEM_HOME: where one checkout's data, secrets and the whereabouts of its running stack are kept."""

import fcntl
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tandem.embedded.errors import ServerRefused
from tandem.embedded.processes import command_line, started_mark

_KEYS: Final[dict[str, Callable[[], str]]] = {
    "secret_key": lambda: secrets.token_urlsafe(48),
    "field_key": lambda: b64encode(secrets.token_bytes(32)).decode(),
    "audit_key": lambda: b64encode(secrets.token_bytes(32)).decode(),
    "postgres_password": lambda: secrets.token_urlsafe(24),
    "owner_password": lambda: secrets.token_urlsafe(24),
    "app_password": lambda: secrets.token_urlsafe(24),
    "operator_password": lambda: secrets.token_urlsafe(24),
    "valkey_password": lambda: secrets.token_urlsafe(24),
    # Shaped like Stripe's own, so that the client and our checks treat the sandbox like the real thing.
    "stripe_secret_key": lambda: f"sk_test_{secrets.token_hex(24)}",
    "stripe_webhook_secret": lambda: f"whsec_{secrets.token_hex(24)}",
}


class Home:
    """One data folder. Everything in it is readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def create(self) -> None:
        """Raises ServerRefused when the folder cannot be made or written."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ServerRefused(
                f"{self.path} cannot be used as data folder ({error.strerror}): set TANDEM_HOME"
            ) from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise ServerRefused(f"{self.path} belongs to another user: run as that user, or set TANDEM_HOME")

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def stack_file(self) -> Path:
        return self.path / "stack.json"

    @property
    def secrets_file(self) -> Path:
        return self.path / "secrets.json"

    def stack(self) -> dict[str, Any]:
        """What the last `tandem up` wrote down; empty before the first."""
        return _read(self.stack_file)

    def write_stack(self, facts: dict[str, Any]) -> None:
        _write_privately(self.stack_file, facts)

    def secrets(self) -> dict[str, str]:
        """All secrets, generated once each; a newer version adds what an older one did not know."""
        known = _read(self.secrets_file)
        missing = {name: make() for name, make in _KEYS.items() if name not in known}
        if missing:
            known |= missing
            _write_privately(self.secrets_file, known)
        return known

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only supervisor of this home. The kernel lets go when we die, so nothing stale can block a start.

        Raises ServerRefused, naming who runs.
        """
        with (self.path / "supervisor.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stack = self.stack()
                pid = (stack.get("supervisor") or {}).get("pid")
                raise ServerRefused(
                    f"Tandem already runs from {self.path} at {stack.get('base_url')} (pid {pid}):"
                    f" stop it with Ctrl-C there or `kill -INT {pid}`, or set another TANDEM_HOME"
                ) from None
            yield

    def running_pid(self) -> int | None:
        """The live supervisor's pid: the same process that wrote it down, not a stranger with its number."""
        noted = self.stack().get("supervisor") or {}
        pid = noted.get("pid", 0)
        if noted.get("started") is None or started_mark(pid) != noted["started"]:
            return None
        return pid if "tandem" in command_line(pid) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ServerRefused(f"{path} is not JSON; mend it, or move it away and start again") from None
    return found if isinstance(found, dict) else {}


def _write_privately(path: Path, facts: dict[str, Any]) -> None:
    # Renamed into place: a reader sees the old file or the new one, and a full disk costs neither.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(facts, out, indent=2)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
