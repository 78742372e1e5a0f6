"""A closed loop of a few connections: each sends its next request when the answer to the last one is there."""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How a load went."""

    seconds: float = 0.0
    statuses: dict[bytes, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    sample: bytes = b""


def percentile(latencies: Sequence[float], share: float) -> float:
    """The latency, in milliseconds, that `share` of the requests did not exceed."""
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass
class _Line:
    socket: socket.socket
    began: float = 0.0
    heard: bytearray = field(default_factory=bytearray)


def drive(port: int, requests: Sequence[bytes], *, connections: int) -> Outcome:
    """Send all of `requests` over so many kept connections, and wait for every answer."""
    outcome, waiting = Outcome(), iter(requests)
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        busy = 0
        for _ in range(connections):
            line = _Line(_connect(port))
            selector.register(line.socket, selectors.EVENT_READ, line)
            busy += _send_next(line, waiting, selector)
        while busy:
            for key, _ in selector.select():
                line = key.data
                line.heard += _received(line.socket)
                answer = _whole(line.heard)
                if answer is None:
                    continue
                outcome.latencies.append(time.perf_counter() - line.began)
                status = bytes(answer[9:12])
                outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
                outcome.sample = outcome.sample or answer
                if b"Connection: close" in answer:
                    selector.unregister(line.socket)
                    line.socket.close()
                    line.socket = _connect(port)
                    selector.register(line.socket, selectors.EVENT_READ, line)
                busy -= not _send_next(line, waiting, selector)
        outcome.seconds = time.perf_counter() - began
    return outcome


def _connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _send_next(line: _Line, waiting: "object", selector: selectors.BaseSelector) -> bool:
    request = next(waiting, None)
    if request is None:
        selector.unregister(line.socket)
        line.socket.close()
        return False
    line.heard.clear()
    line.began = time.perf_counter()
    line.socket.sendall(request)
    return True


def _received(line: socket.socket) -> bytes:
    heard = line.recv(65536)
    if not heard:
        raise ConnectionError("the server closed a connection in the middle of an answer")
    return heard


def _whole(heard: bytearray) -> bytes | None:
    """The answer, when all of it is there."""
    end = heard.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(heard[:end]).lower()
    at = head.find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0])
    return bytes(heard) if len(heard) >= end + 4 + length else None
