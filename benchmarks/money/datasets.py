"""Data sets that are made once and kept: what a competitor gets a copy of, by name."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from benchmarks.money.peers import NotInstalled, Peers
from benchmarks.money.place import Place, schema_mark
from benchmarks.servers import CHECKOUT

EXPORTED: Final = 100_000
"""Books up to this size are exported for others to check."""


def ready(name: str, place: Place, peers: Peers) -> str:
    """The database of a data set, made when it is not there. Raises NotInstalled where a peer that makes it is missing.

    What is ours carries a mark of all migrations in its name: one of an older schema is upgraded, as a real one is.
    """
    if name == "template0":
        return name
    if name == "ours":
        return place.ours()
    make = _MAKERS[name.split("-", 1)[0]]
    database = name if name in _PEERS else f"{name}-{schema_mark()}"
    if not place.has(database) and not (name not in _PEERS and place.upgraded(name, database)):
        print(f"  making the data set {name}", file=sys.stderr, flush=True)
        make(database, place, peers)
    return database


def _hordak(name: str, place: Place, peers: Peers) -> None:
    place.ensure(name, lambda url: _peer(peers, "hordak_posting.py", place, url, {"prepare": True}))


def _djstripe(name: str, place: Place, peers: Peers) -> None:
    place.ensure(name, lambda url: _peer(peers, "djstripe_site.py", place, url, {}))


def _book(name: str, place: Place, peers: Peers) -> None:
    """The operator's book with so many journals, and the same as text for beancount and hledger beside it."""
    count = int(name.split("-")[1])

    def make(url: str) -> None:
        ours("benchmarks.ours.posting:spread", count, place, url, {"legs": 4})
        if count <= EXPORTED:
            ours("benchmarks.ours.books:export", count, place, url, {"file": str(place.home / f"book-{count}")})

    place.ensure(name, make, out_of=place.ours())


def _hospitals(name: str, place: Place, peers: Peers) -> None:
    """So many hospitals' books with so many entries in all."""
    hospitals, entries = name.split("-")[1:3]

    def make(url: str) -> None:
        ours("benchmarks.ours.books:make_hospitals", int(entries), place, url, {"hospitals": int(hospitals)})

    place.ensure(name, make, out_of=place.ours())


def _made_by(program: str) -> Callable[[str, Place, Peers], None]:
    """A data set that one of our programs makes of an empty database; its size is the second part of its name."""

    def make(name: str, place: Place, peers: Peers) -> None:
        count = int(name.split("-")[1])
        place.ensure(name, lambda url: ours(program, count, place, url, {}), out_of=place.ours())

    return make


def ours(program: str, count: int, place: Place, url: str, facts: Mapping[str, Any]) -> None:
    """Let one of our own programs work on a database that is being made. Raises NotInstalled with its last word."""
    environment = place.environment(url) | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'platform'}"}
    _run([sys.executable, "-m", "benchmarks.money.entry", program], count, place, url, facts, environment)


def _peer(peers: Peers, program: str, place: Place, url: str, facts: Mapping[str, Any]) -> None:
    words = [peers.python(), str(CHECKOUT / "benchmarks" / "peers" / program)]
    _run(words, 0, place, url, facts, {"PYTHONPATH": str(CHECKOUT)})


def _run(
    words: list[str], count: int, place: Place, url: str, facts: Mapping[str, Any], environment: Mapping[str, str]
) -> None:
    task = {"count": count, "url": url, "postgres_pid": 0, "facts": dict(facts), "home": str(place.home)}
    done = subprocess.run(
        [*words, json.dumps(task)],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotInstalled(f"{words[-1]}: {done.stderr.strip().splitlines()[-1]}")


_PEERS: Final = {"hordak", "djstripe"}
_MAKERS: Final[dict[str, Callable[[str, Place, Peers], None]]] = {
    "hordak": _hordak,
    "djstripe": _djstripe,
    "book": _book,
    "hospitals": _hospitals,
    "payments": _made_by("benchmarks.ours.matching:make_payments"),
}
