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


def ready(name: str, place: Place, peers: Peers) -> str:
    """The database of a data set, made when it is not there. Raises NotInstalled where a peer that makes it is missing.

    What is ours carries the newest migration in its name: another schema's rows are of no use.
    """
    if name == "template0":
        return name
    if name == "ours":
        return place.ours()
    make = _MAKERS[name.split("-", 1)[0]]
    database = name if name in _PEERS else f"{name}-{schema_mark()}"
    if not place.has(database):
        print(f"  making the data set {name}", file=sys.stderr, flush=True)
        make(database, place, peers)
    return database


def _hordak(name: str, place: Place, peers: Peers) -> None:
    place.ensure(name, lambda url: _peer(peers, "hordak_posting.py", place, url, {"prepare": True}))


def _djstripe(name: str, place: Place, peers: Peers) -> None:
    place.ensure(name, lambda url: _peer(peers, "djstripe_site.py", place, url, {}))


def _peer(peers: Peers, program: str, place: Place, url: str, facts: Mapping[str, Any]) -> None:
    task = {"count": 0, "url": url, "postgres_pid": 0, "facts": dict(facts), "home": str(place.home)}
    done = subprocess.run(
        [peers.python(), str(CHECKOUT / "benchmarks" / "peers" / program), json.dumps(task)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotInstalled(done.stderr.strip().splitlines()[-1])


_PEERS: Final = {"hordak", "djstripe"}
_MAKERS: Final[dict[str, Callable[[str, Place, Peers], None]]] = {
    "hordak": _hordak,
    "djstripe": _djstripe,
}
