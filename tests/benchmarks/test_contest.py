"""Competitions: turns, what is told, what is kept. Tiny, without any peer installed."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.money import contest
from benchmarks.money.contest import Competitor, Ratio, Row, as_json, compete
from benchmarks.money.peers import NotInstalled, Peers
from benchmarks.money.place import Place
from benchmarks.money.report import BEGIN, END, printed, render_into
from benchmarks.workload import journals
from tandem.embedded import start_postgres, start_valkey

FEW = {"small": 40}


class NoPeers(Peers):
    """A machine on which nothing can be installed."""

    def python(self) -> str:
        raise NotInstalled("there is no way to the packages")


class OwnPython(Peers):
    """Peers that run in the Python of the tests."""

    def python(self) -> str:
        return sys.executable


@pytest.fixture(scope="module")
def place(home: Path, admin_url: str, redis_url: str) -> Iterator[Place]:
    """The tests' own servers, which are running already."""
    (home / "log").mkdir(exist_ok=True)
    found = Place(home, start_postgres(home, password="tests"), start_valkey(home, password="tests"))
    yield found
    found.forget(found.ours())


@pytest.mark.slow
def test_ours_and_an_absent_peer_compete_and_the_row_says_why_the_peer_did_not(place: Place, tmp_path: Path) -> None:
    spread = Competitor("spread", "Spread", "benchmarks.ours.posting:spread", FEW, "ours", facts={"legs": 4})
    hot = Competitor("hot", "Hot", "benchmarks.ours.posting:spread", FEW, "ours", facts={"legs": 4, "hot": True})
    peer = Competitor("peer", "A peer", "hordak_posting.py", FEW, "template0")
    ratios = [Ratio("hot over spread", "hot", "spread", 0.9), Ratio("over the peer", "spread", "peer", 25)]
    row = Row("posting", "Posting", "fast", "journals", [spread, hot, peer], ratios)
    turns: list[str] = []

    found = compete(row, place, NoPeers(tmp_path), scale="small", runs=2, told=turns.append)

    assert [turn.split(": ")[1] for turn in turns] == ["Spread", "Hot", "A peer", "Hot", "Spread"]
    assert [run["count"] for run in found["spread"].runs] == [40, 40]
    assert all(run["own_cpu"] > 0 and run["peak_rss_mb"] > 10 for run in found["hot"].runs)
    told = as_json(row, found)
    assert [ratio["title"] for ratio in told["ratios"]] == ["hot over spread"]
    assert "did not run: there is no way to the packages" in printed(told)


def test_who_ends_badly_is_out_and_its_last_word_is_kept(place: Place, tmp_path: Path) -> None:
    broken = Competitor("broken", "Broken", "no_such_program.py", FEW, "template0")
    row = Row("broken", "Broken", "none", "things", [broken])

    found = compete(row, place, OwnPython(tmp_path), scale="small", runs=3, told=lambda _: None)

    assert found["broken"].runs == []
    assert "no_such_program" in str(found["broken"].failed)


def test_results_stand_between_the_marks_of_the_page_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    run = {"count": 100, "seconds": 2.0, "own_cpu": 0.5, "server_cpu": 0.5, "peak_rss_mb": 80.0, "said": {}}
    runs = contest.Runs("Tandem", "batches of 2,500", True, [run, run | {"seconds": 4.0}])
    row = Row("posting", "Posting", "fast", "journals", [], [Ratio("per second", "ours", None, 30)])
    told = as_json(row, {"ours": runs}) | {"measured": "now"}

    results = {"machine": "today; a machine\nPython", "peers": "pandas 3", "rows": {"posting": told}}
    render_into(page, json.loads(json.dumps(results)))

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n") and text.endswith(f"{END}\nafter\n")
    assert "| Tandem | 50, 25 | 37.5 | 100 | 0.50 + 0.50 | 80 |" in text
    assert "| per second | 50, 25 | **37.5** | 30: met |" in text
    assert "today; a machine. Python. Peers: pandas 3." in text
    assert "old" not in text


@pytest.mark.parametrize("hot", [True, False])
def test_every_journal_of_the_workload_balances_on_different_accounts(hot: bool) -> None:
    made = list(journals(7, 300, legs=4, accounts=8, hot=hot))

    assert all(sum(amount for _, amount in journal.legs) == 0 for journal in made)
    assert all(amount != 0 for journal in made for _, amount in journal.legs)
    assert all(len({account for account, _ in journal.legs}) == 4 for journal in made)
    assert all(any(account == 0 for account, _ in journal.legs) == hot for journal in made)
    assert made == list(journals(7, 300, legs=4, accounts=8, hot=hot))
