"""``python -m tandem.stripe_sandbox``: start the double and serve until told to stop."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from tandem.stripe_sandbox.books import House
from tandem.stripe_sandbox.control import Control
from tandem.stripe_sandbox.delivery import Courier
from tandem.stripe_sandbox.desk import Desk, Reply, Request
from tandem.stripe_sandbox.pages import Pages
from tandem.stripe_sandbox.sandbox import Sandbox
from tandem.stripe_sandbox.server import Server

PLAY_KEY = "sk_test_tandem_sandbox"


def flags() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tandem.stripe_sandbox", description="A stateful double of Stripe over HTTP."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where its file lives")
    parser.add_argument("--secret-key", default=os.environ.get("STRIPE_SANDBOX_SECRET_KEY", PLAY_KEY))
    parser.add_argument("--public-url", help="how browsers reach it; default http://HOST:PORT")
    parser.add_argument("--webhook-url", help="an endpoint that hears everything, connected accounts too")
    parser.add_argument("--webhook-secret", default=os.environ.get("STRIPE_SANDBOX_WEBHOOK_SECRET"))
    parser.add_argument("--clock-file", type=Path, help="a file holding an offset in seconds; rules while it exists")
    parser.add_argument(
        "--settle-seconds", type=int, default=0, help="how long a charge waits for its balance transaction"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    parser = flags()
    told = parser.parse_args(arguments)
    if told.webhook_url and not told.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret")
    try:
        server = Server(told.host, told.port, lambda request: switchboard(request))  # noqa: PLW0108 - it is defined below, once the port is known
    except OSError as trouble:
        sys.stderr.write(f"stripe sandbox: cannot listen on {told.host}:{told.port}: {trouble.strerror}\n")
        return 1
    port = server.server_address[1]
    house = House(
        secret_key=told.secret_key,
        base_url=told.public_url or f"http://{told.host}:{port}",
        settle_seconds=told.settle_seconds,
    )
    sandbox = Sandbox(
        told.data,
        house,
        clock_file=told.clock_file,
        webhook_url=told.webhook_url,
        webhook_secret=told.webhook_secret,
    )
    courier = Courier(sandbox)
    desk, control, pages = Desk(sandbox), Control(sandbox, courier), Pages(sandbox)

    def switchboard(request: Request) -> Reply:
        if request.path.startswith("/_sandbox/"):
            return control.answer(request)
        answer = desk.answer if request.path.startswith(("/v1/", "/v2/")) else pages.answer
        reply = answer(request)
        if request.method != "GET":
            courier.ring()
        return reply

    def stop(signal_number: int, frame: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    courier.start()
    sys.stdout.write(f"stripe sandbox on http://{told.host}:{port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.server_close()
    courier.stop()
    courier.join(timeout=5)
    sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
