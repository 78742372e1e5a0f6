"""A running sandbox process and a webhook endpoint that hears it, for stories told over HTTP."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import stripe

ROOT = Path(__file__).parents[3]
KEY = "sk_test_tandem_sandbox"
SECRET = "whsec_of_the_tests"


class Receiver:
    """A webhook endpoint that writes down what it hears and fails as often as it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.failures_left = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(dict(self.headers.items()), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks?from=stripe"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            if self.failures_left > 0:
                self.failures_left -= 1
                return 500
            self.heard.append((headers, body))
            return 200

    @property
    def events(self) -> list[dict[str, Any]]:
        with self._lock:
            return [json.loads(body) for _, body in self.heard]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def forget(self) -> None:
        with self._lock:
            self.heard.clear()
            self.failures_left = 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Sandbox:
    """A running sandbox process and its control interface."""

    def __init__(self, data: Path, *flags: str, port: int = 0) -> None:
        self._command = [
            sys.executable, "-m", "tandem.stripe_sandbox",
            "--port", str(port), "--data", str(data), "--secret-key", KEY, *flags,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
        self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        status = self.process.wait(timeout=15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def client(self, **options: Any) -> stripe.StripeClient:
        return stripe.StripeClient(KEY, base_addresses={"api": self.url}, **options)

    def call(self, method: str, path: str, told: Any = None) -> tuple[int, Any]:
        """A control call; returns status and JSON."""
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox{path}", body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=70) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)

    def get(self, path: str) -> Any:
        return self._ok("GET", path)

    def put(self, path: str, told: Any) -> Any:
        return self._ok("PUT", path, told)

    def post(self, path: str, told: Any = None) -> Any:
        return self._ok("POST", path, {} if told is None else told)

    def _ok(self, method: str, path: str, told: Any = None) -> Any:
        status, body = self.call(method, path, told)
        assert status == 200, body
        return body

    def misdeeds(self, kind: str) -> list[dict[str, Any]]:
        return list(self.get(f"/misdeeds?kind={kind}")["data"])

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        offset = self.get("/clock")["offset_seconds"]
        self.put("/clock", {"offset_seconds": offset + days * 86400 + seconds})


def until(condition: Any, seconds: float = 10) -> None:
    """Wait for something that another process does in its own time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
