"""`make bench`: ratios of the platform to what is physically there and to its peers; printed, never asserted."""

import argparse
import shutil
import tempfile
from pathlib import Path

from benchmarks import at_rest, hot_paths
from benchmarks.machine import machine
from benchmarks.money import session as money

PARTS = ["hot-paths", "at-rest", "money"]


def main() -> None:
    """Measure what the words say; everything by default."""
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("what", nargs="*", choices=[*PARTS, "prepare", "render", []], default=[])
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--share", type=float, default=1.0, help="hot-paths: a part of the requests, for a quick look")
    words.add_argument("--sizes", type=int, nargs="+", default=[hot_paths.FEW, hot_paths.MANY])
    words.add_argument("--only", nargs="+", default=[], metavar="ROW", help="money: these rows of the table")
    words.add_argument("--but", nargs="+", default=[], metavar="ROW", help="money: all rows but these")
    words.add_argument("--minutes", type=float, default=60, help="money: after so many no run is begun any more")
    words.add_argument("--scale", choices=["small", "full"], default="full", help="money: how much work")
    words.add_argument("--json", type=Path, help="money: where results are kept after every row")
    given = words.parse_args()
    if "render" in given.what:
        return money.render(given.scale, given.json)
    if "prepare" in given.what:
        return money.prepare(only=given.only, but=given.but, scale=given.scale)
    print(machine(), flush=True)
    home = Path(tempfile.mkdtemp(prefix="tandem-bench-"))
    chosen = given.what or PARTS
    try:
        if "at-rest" in chosen:
            at_rest.measure(home / "up", runs=given.runs)
        if "hot-paths" in chosen:
            hot_paths.measure(home / "hot", runs=given.runs, share=given.share, sizes=tuple(given.sizes))
        if "money" in chosen:
            money.measure(
                only=given.only,
                but=given.but,
                scale=given.scale,
                runs=given.runs,
                kept=given.json,
                minutes=given.minutes,
            )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return None


if __name__ == "__main__":
    main()
