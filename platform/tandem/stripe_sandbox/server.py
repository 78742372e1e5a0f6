"""The HTTP server: sockets to requests, replies to sockets; one thread per connection, kept alive."""

import http
import json
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tandem.stripe_sandbox.desk import Reply, Request, json_reply
from tandem.stripe_sandbox.wire.errors import BodyTooLarge, ParameterInvalid, StripeError

LARGEST_BODY = 1_000_000
MOST_POURED_AWAY = 16_000_000
Answer = Callable[[Request], Reply]


class Server(ThreadingHTTPServer):
    """Listens; every request goes to ``answer``."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, answer: Answer) -> None:
        threading.stack_size(512 * 1024)
        self.answer = answer
        super().__init__((host, port), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            traceback.print_exc()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 90
    server: Server

    def _serve(self) -> None:
        try:
            request = self._read()
        except StripeError as refusal:
            self.close_connection = True
            reply = json_reply(refusal.status, refusal.body())
        else:
            reply = self._answered(request)
        self._write(reply)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - names the standard library calls

    def _answered(self, request: Request) -> Reply:
        try:
            return self.server.answer(request)
        except Exception:  # noqa: BLE001 - the last net under every request: a fault here must not end the connection silently
            traceback.print_exc()
            error = {"type": "api_error", "message": "The sandbox itself failed; its log has the traceback."}
            return json_reply(500, {"error": error})

    def _read(self) -> Request:
        """The request with its whole body. Raises StripeError when there is too much or it has no length."""
        if "transfer-encoding" in self.headers:
            raise ParameterInvalid("Send a Content-Length; chunked bodies are not read.")
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise ParameterInvalid("Invalid Content-Length.")
        if int(length) > LARGEST_BODY:
            self._pour_away(int(length))
            raise BodyTooLarge(f"The request body is larger than {LARGEST_BODY} bytes.")
        body = self.rfile.read(int(length))
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, unquote(address.path), address.query, headers, body)

    def _pour_away(self, length: int) -> None:
        """Read what will not be kept, within reason, so that the sender gets to read the answer."""
        left = min(length, MOST_POURED_AWAY)
        while left > 0:
            poured = len(self.rfile.read(min(left, 65_536)))
            left -= poured or left

    def _write(self, reply: Reply) -> None:
        if reply.cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status, http.HTTPStatus(reply.status).phrase)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's own name
        """Requests are not logged; the events and deliveries are the record."""


def read_json(request: Request) -> object:
    """The JSON of a control call, an empty body being an empty object. Raises ParameterInvalid."""
    if not request.body:
        return {}
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as mistake:
        raise ParameterInvalid("The body is not JSON.") from mistake
