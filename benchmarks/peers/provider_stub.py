"""The provider's side of dj-stripe's question about an object: the answer stands ready, so only the asking costs.

Faster than any provider: every PaymentIntent there is looks the same but for its id, and names no other object.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])
from benchmarks.webhook_events import payment_intent


class Provider(BaseHTTPRequestHandler):
    """GET /v1/payment_intents/<id>"""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        body = json.dumps(payment_intent(name)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", "req_benchmark")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_address[1], flush=True)
    server.serve_forever()
