"""The stack as `tandem up` starts it: how soon it answers, and how much memory it holds when nothing happens."""

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.servers import CHECKOUT, called, family, pss_bytes

SETTLE_SECONDS: Final = 20
START_AIM_SECONDS: Final = 5.0
MEMORY_AIM_MB: Final = 400


def measure(home: Path, *, runs: int) -> None:
    """Print the seconds from nothing to the first 200 of each cold start, and every process's share of memory."""
    seconds, totals = [], []
    for run in range(runs):
        took, shares = _one_start(home / str(run))
        seconds.append(took)
        totals.append(sum(share for _, share in shares))
    print("\nmemory of the whole stack at rest, proportional share of each process (last run)")
    for name, share in sorted(shares, key=lambda each: -each[1]):
        print(f"  {share / 1e6:7.1f} MB  {name[:100]}")
    print(f"  total, each run: {', '.join(f'{t / 1e6:.0f}' for t in totals)} MB; aim under {MEMORY_AIM_MB}")
    print(
        f"\ncold `tandem up`, from an empty folder to 'Tandem runs at': {', '.join(f'{s:.1f}' for s in seconds)} s;"
        f" median {statistics.median(seconds):.1f}; aim at most {START_AIM_SECONDS:.0f}",
        flush=True,
    )


def _one_start(home: Path) -> tuple[float, list[tuple[str, int]]]:
    environment = {
        **os.environ,
        "TANDEM_HOME": str(home),
        "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'platform'}",
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("DATABASE_URL", "REDIS_URL", "STRIPE_SECRET_KEY", "TANDEM_PORT"):
        environment.pop(name, None)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tandem.cli", "up"],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # It says so after its own first 200 from /readyz.
        took = _said(process, "Tandem runs at", began)
        _said(process, "Ctrl-C", began)
        # After the last seeded job, and after each process has noticed that there is nothing to do.
        time.sleep(SETTLE_SECONDS)
        shares = [(called(pid), pss_bytes(pid)) for pid in family(process.pid)]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    return took, shares


def _said(process: "subprocess.Popen[str]", words: str, began: float) -> float:
    heard = []
    for line in process.stdout or ():
        heard.append(line)
        if words in line:
            return time.perf_counter() - began
    raise RuntimeError(f"`tandem up` ended without saying {words!r}: {''.join(heard)[-2000:]}")
