"""A session of competitions: which rows, at which scale; what is found is kept after every row."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import commit, load, machine
from benchmarks.money import datasets
from benchmarks.money.contest import Row, as_json, compete
from benchmarks.money.peers import PINS, NotInstalled, Peers
from benchmarks.money.place import bench_home, opened
from benchmarks.money.report import held, printed, render_into
from benchmarks.money.rows import ROWS
from benchmarks.servers import CHECKOUT

TOLD: Final = (
    "beancount",
    "dj-stripe",
    "django=",
    "django-hordak",
    "duckdb",
    "gunicorn",
    "pandas",
    "psycopg=",
    "pyarrow",
)
PAGE: Final = CHECKOUT / "docs" / "benchmarks.md"


def measure(
    *, only: Sequence[str], but: Sequence[str], scale: str, runs: int, kept: Path | None, minutes: float
) -> None:
    """Let the rows compete and print each as soon as it is done; the file has all rows that were ever done.

    After so many minutes no run is begun any more, and no row: what was kept of it before stays.
    """
    file, until = kept or results_file(scale), time.monotonic() + minutes * 60
    peers = Peers(bench_home())
    with opened(bench_home()) as place:
        (place.home / "log").mkdir(exist_ok=True)
        for row in _chosen(only, but):
            if time.monotonic() > until:
                _tell(f"no time left for {row.key}")
                continue
            began, load_before = datetime.now(UTC), load()
            found = compete(row, place, peers, scale=scale, runs=runs, told=_tell, until=until)
            measured = (
                f"{began:%Y-%m-%d %H:%M} UTC, scale {scale}, {(datetime.now(UTC) - began).seconds} s,"
                f" load before {load_before}, commit {commit()}"
            )
            told = as_json(row, found) | {"measured": measured}
            _keep(file, scale, row.key, told)
            print(printed(told), flush=True)
    print("\n" + held(json.loads(file.read_text())))
    _tell(f"kept in {file}")


def prepare(*, only: Sequence[str], but: Sequence[str], scale: str) -> None:
    """Install the peers and make the data sets, so that a session later only measures."""
    peers = Peers(bench_home())
    with opened(bench_home()) as place:
        for row in _chosen(only, but):
            for each in row.competitors:
                try:
                    datasets.ready(each.template_at(scale), place, peers)
                except NotInstalled as why:
                    _tell(f"  {row.key}: {each.title}: {why}")


def render(scale: str, kept: Path | None) -> None:
    """Put what was kept into docs/benchmarks.md."""
    file = kept or results_file(scale)
    render_into(PAGE, json.loads(file.read_text()))
    _tell(f"{file} rendered into {PAGE}")


def results_file(scale: str) -> Path:
    """Where a scale's results are kept when nobody says where."""
    return bench_home() / f"money_{scale}.json"


def _chosen(only: Sequence[str], but: Sequence[str]) -> list[Row]:
    known = {row.key: row for row in ROWS}
    strangers = [key for key in (*only, *but) if key not in known]
    if strangers:
        raise SystemExit(f"no row {', '.join(strangers)}; there are {', '.join(known)}")
    return [row for row in ROWS if (not only or row.key in only) and row.key not in but]


def _keep(file: Path, scale: str, key: str, told: dict[str, Any]) -> None:
    results = json.loads(file.read_text()) if file.exists() else {"rows": {}}
    pins = ", ".join(line.replace("==", " ") for line in PINS.read_text().splitlines() if line.startswith(TOLD))
    results |= {"machine": machine(), "scale": scale, "peers": pins}
    results["rows"][key] = told
    results["rows"] = {row.key: results["rows"][row.key] for row in ROWS if row.key in results["rows"]}
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(results, indent=1))
    fresh.replace(file)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
