"""Speaking to the platform as any program would: keys on every POST, patience with restarts, typed refusals."""

import threading
import time
from typing import Any, Final
from uuid import uuid4

import requests

from tandem.demo.errors import Refused, Unanswered

PATIENCE_SECONDS: Final = 90
TIMEOUT_SECONDS: Final = 30
_TRY_AGAIN: Final = {429, 502, 503, 504}


class Caller:
    """One credential at one base URL. Threads may share it: each has a connection of its own."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.token = token
        self._local = threading.local()

    def with_token(self, token: str) -> "Caller":
        """The same address with another credential."""
        return Caller(self.base_url, token)

    def get(self, path: str, **query: Any) -> Any:
        """Read. Raises Refused."""
        return self._ask("GET", path, params={name: each for name, each in query.items() if each is not None})

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Read every page of a list."""
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            page = self.get(path, limit=100, after=after, **query)
            found += page["data"]
            after = page["next"]
            if after is None:
                return found

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """Create, once: the key stays the same however often the connection breaks. Raises Refused."""
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def put(self, path: str, body: dict[str, Any], *, if_match: Any = None) -> Any:
        """Replace. Raises Refused."""
        headers = {} if if_match is None else {"If-Match": f'"{if_match}"'}
        return self._ask("PUT", path, json=body, headers=headers)

    def upload(self, path: str, content: bytes, *, key: str | None = None) -> Any:
        """Send a CSV. Raises Refused."""
        headers = {"Content-Type": "text/csv", "Idempotency-Key": key or str(uuid4())}
        return self._ask("POST", path, data=content, headers=headers)

    def _ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **sent: Any) -> Any:
        until = time.monotonic() + PATIENCE_SECONDS
        wait_seconds = 0.1
        while True:
            answer = self._try(method, path, headers or {}, sent)
            if answer is not None:
                if answer.status_code < 300:
                    return answer.json() if answer.content else None
                refused = Refused(method, path, answer.status_code, _body(answer))
                if answer.status_code not in _TRY_AGAIN and refused.slug != "still-running":
                    raise refused
            elif time.monotonic() > until:
                raise Unanswered(f"{method} {path}: no answer for {PATIENCE_SECONDS} s: does `tandem up` still run?")
            if answer is not None and time.monotonic() > until:
                raise refused
            time.sleep(wait_seconds)
            wait_seconds = min(2.0, wait_seconds * 1.5)

    def _try(self, method: str, path: str, headers: dict[str, str], sent: dict[str, Any]) -> requests.Response | None:
        try:
            return self._session().request(
                method, self.base_url + path, headers=headers, timeout=TIMEOUT_SECONDS, **sent
            )
        except requests.RequestException:
            return None

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
            self._local.session.headers["Accept-Language"] = "en"
            if self.token:
                self._local.session.headers["Authorization"] = f"Bearer {self.token}"
        held: requests.Session = self._local.session
        return held


def _body(answer: requests.Response) -> dict[str, Any]:
    try:
        read = answer.json()
    except ValueError:
        return {"text": answer.text[:300]}
    return read if isinstance(read, dict) else {"body": read}
