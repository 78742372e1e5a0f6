"""A row of the table: competitors that take turns, each run in a process of its own, and the ratios between them."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.money import datasets
from benchmarks.money.peers import NotInstalled, Peers
from benchmarks.money.place import Place
from benchmarks.servers import CHECKOUT, family
from benchmarks.stopwatch import Task

LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Competitor:
    """One who runs. `count` is how much it is given at each scale; what it did is what it tells.

    `program` is `module:function` of ours, or a file of `benchmarks/peers/` (`python` is then the peers'). `template`
    names the data set it gets a copy of; `{n}` in it is the count, other names are facts. `settings` says how it was
    tuned. `wants_peers`: it is driven from here, but runs in the peers' Python. `tool`: a program of Peers whose path
    it is told. `in_place`: it reads the data set itself and leaves it as it was.
    """

    key: str
    title: str
    program: str
    count: Mapping[str, int]
    template: str = "template0"
    settings: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    limit_seconds: int = 300
    runs: int | None = None
    wants_peers: bool = False
    tool: str | None = None
    in_place: bool = False

    @property
    def is_driven_here(self) -> bool:
        return ":" in self.program

    @property
    def is_ours(self) -> bool:
        return self.is_driven_here and not self.wants_peers

    def template_at(self, scale: str) -> str:
        """The data set for this much work."""
        return self.template.format(n=self.count[scale], **self.facts)


@dataclass(frozen=True)
class Ratio:
    """`above` over `below`, `by` rate (count per second), cpu (count per CPU second), or another figure both told.

    Without `below` it is no ratio but the number itself. `aim` is what the issue asks for at least, or at most where
    `at_most`; None where it asks for nothing.
    """

    title: str
    above: str
    below: str | None = None
    aim: float | None = None
    by: str = "rate"
    at_most: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the issue's table."""

    key: str
    title: str
    aim: str
    unit: str
    competitors: Sequence[Competitor]
    ratios: Sequence[Ratio] = ()
    note: str = ""


@dataclass
class Runs:
    """What one competitor did, run by run; `failed` says why it did not."""

    title: str
    settings: str = ""
    is_ours: bool = False
    runs: list[dict[str, Any]] = field(default_factory=list)
    failed: str | None = None

    def measures(self, by: str) -> list[float]:
        """Run by run: things per second of the clock (`rate`), per second of CPU (`cpu`), or another figure it told."""
        if by == "cpu":
            return [run["count"] / max(run["own_cpu"] + run["server_cpu"], 0.01) for run in self.runs]
        if by == "rate":
            return [run["count"] / run["seconds"] for run in self.runs]
        return [run[by] if by in run else run["said"][by] for run in self.runs]


def compete(
    row: Row,
    place: Place,
    peers: Peers,
    *,
    scale: str,
    runs: int,
    told: Callable[[str], None],
    until: float = float("inf"),
) -> dict[str, Runs]:
    """All runs of a row: A B C, C B A, A B C. Whoever fails once is out, and its reason is kept.

    After `until`, on the monotonic clock, nobody starts any more.
    """
    found = {each.key: Runs(each.title, each.settings, each.is_ours) for each in row.competitors}
    for number in range(runs):
        for each in row.competitors if number % 2 == 0 else row.competitors[::-1]:
            mine = found[each.key]
            if mine.failed is not None or number >= (each.runs or runs):
                continue
            if time.monotonic() > until:
                mine.failed = "the session's time was over"
                continue
            try:
                mine.runs.append(_one_run(each, place, peers, scale))
            except (RunFailed, NotInstalled) as why:
                mine.failed = str(why)
            told(f"  {row.key} run {number + 1}: {each.title}: {_said(mine)}")
    return found


def ratios_of(row: Row, found: Mapping[str, Runs]) -> list[dict[str, Any]]:
    """Each ratio of a row: run by run and its median."""
    made = []
    for ratio in row.ratios:
        each = _each(ratio, found)
        if each:
            facts = {"title": ratio.title, "aim": ratio.aim, "at_most": ratio.at_most}
            made.append(facts | {"each": each, "median": statistics.median(each)})
    return made


def _each(ratio: Ratio, found: Mapping[str, Runs]) -> list[float]:
    above = found[ratio.above].measures(ratio.by)
    if ratio.below is None:
        return above
    below = found[ratio.below].measures(ratio.by)
    if len(above) == 1 or len(below) == 1:  # who runs once is compared with every run of the other
        return [a / b for a in above for b in below]
    return [a / b for a, b in zip(above, below, strict=False)]


def as_json(row: Row, found: Mapping[str, Runs]) -> dict[str, Any]:
    """A row's results, as they are kept."""
    facts = {"title": row.title, "aim": row.aim, "unit": row.unit, "note": row.note}
    return facts | {
        "competitors": {key: asdict(runs) for key, runs in found.items()},
        "ratios": ratios_of(row, found),
    }


class RunFailed(RuntimeError):
    """A competitor did not come to its end; the message is its last word."""


def _one_run(one: Competitor, place: Place, peers: Peers, scale: str) -> dict[str, Any]:
    with ExitStack() as stack:
        template = datasets.ready(one.template_at(scale), place, peers)
        url = place.url_of(template) if one.in_place else stack.enter_context(place.copy_of(template))
        facts = dict(one.facts) | ({"python": peers.python()} if one.wants_peers else {})
        if one.tool:
            facts["tool"] = peers.tool(one.tool)
        task = Task(one.count[scale], url, place.postgres.pid, home=str(place.home), facts=facts)
        words = [*_program(one, peers), json.dumps({k: v for k, v in asdict(task).items() if k in _GIVEN})]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": "0"}
        if one.is_driven_here:
            environment |= place.environment(url) | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'platform'}"}
        log = place.home / "log" / f"{one.key}.log"
        with (
            log.open("w") as errors,
            subprocess.Popen(
                words, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            held = _watched(process, place, one.limit_seconds)
            answer = process.stdout.read() if process.stdout else ""
        if process.returncode:
            raise RunFailed(_last_word(log, process.returncode))
        told: dict[str, Any] = json.loads(answer.strip().splitlines()[-1])
        return told | {"server_held_mb": held / 1e6}


_GIVEN: Final = {"count", "url", "postgres_pid", "seed", "home", "facts"}


def _program(one: Competitor, peers: Peers) -> list[str]:
    if one.is_driven_here:
        return [sys.executable, "-m", "benchmarks.money.entry", one.program]
    return [peers.python(), str(CHECKOUT / "benchmarks" / "peers" / one.program)]


def _watched(process: "subprocess.Popen[str]", place: Place, limit_seconds: int) -> int:
    """Wait for a run, and look meanwhile how much memory of their own the server's processes hold together."""
    held, until = 0, time.monotonic() + limit_seconds
    while process.poll() is None:
        held = max(held, sum(map(_anonymous_bytes, family(place.postgres.pid))))
        if time.monotonic() > until:
            process.kill()
            process.wait()
            raise RunFailed(f"not done within {limit_seconds} s")
        time.sleep(LOOK_SECONDS)
    return held


def _anonymous_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def _last_word(log: Path, code: int) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line or "ERROR" in line or "failed" in line]
    return (told or lines)[-1][:300] if lines else f"ended with {code} and said nothing"


def _said(runs: Runs) -> str:
    if runs.failed is not None:
        return f"FAILED: {runs.failed}"
    last = runs.runs[-1]
    return (
        f"{last['count']:,} in {last['seconds']:.2f} s, {last['count'] / last['seconds']:,.0f}/s, CPU own"
        f" {last['own_cpu']:.2f} server {last['server_cpu']:.2f} s, {last['peak_rss_mb']:.0f} MB"
    )
