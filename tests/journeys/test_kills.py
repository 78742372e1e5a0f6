"""Killed before any statement of any story of money: nothing unbalanced, nothing lost, nothing doubled.

A thousand seeded points run here; `TANDEM_KILL_POINTS=10000 pytest -m slow tests/journeys/test_kills.py` runs as many
as it is told, `TANDEM_KILL_SEED` in another order, `TANDEM_KILL_STORIES` (names, with commas) of these stories only.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.kills import Ending, difference

POINTS = int(os.environ.get("TANDEM_KILL_POINTS", "1000"))
SEED = int(os.environ.get("TANDEM_KILL_SEED", "1"))
ONLY = [name for name in os.environ.get("TANDEM_KILL_STORIES", "").split(",") if name]
RUNNERS = min(2, os.cpu_count() or 1)
ROOT = Path(__file__).parents[2]


A_FEW = ["paid and refunded", "delivered and settled", "prepaid and told", "prepaid and given back"]
"""Stories that the fast suite kills once each: of patients, hospitals and employers."""


def killed(
    points: int, environment: dict[str, str], logs: Path, runners: int = RUNNERS, only: Sequence[str] = ONLY
) -> list[dict[str, Any]]:
    """Share the points among runners, and what each of them found; what they said goes to `logs`."""
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    command = [sys.executable, "-m", "tests.journeys.kills", "--points", str(points), "--seed", str(SEED)]
    command += [f"--only={name}" for name in only]
    with ExitStack() as stack:
        said = [stack.enter_context((logs / f"runner{place}").open("w")) for place in range(runners)]
        processes = [
            subprocess.Popen(
                [*command, "--share", f"{place}/{runners}"],
                cwd=ROOT,
                env=os.environ | environment | paths,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            for place, log in enumerate(said)
        ]
        told = [runner.communicate()[0] for runner in processes]
    assert all(told), [(logs / f"runner{place}").read_text()[-3_000:] for place in range(runners)]
    return [json.loads(each.splitlines()[-1]) for each in told]


@pytest.mark.slow
def test_a_story_killed_before_any_statement_ends_in_its_twins_books(
    process_environment: dict[str, str], tmp_path: Path
) -> None:
    outcomes = killed(POINTS, process_environment, tmp_path)

    assert [fault for each in outcomes for fault in each["faults"]] == []
    assert sum(each["points"] for each in outcomes) == POINTS
    assert sum(each["killed"] for each in outcomes) >= POINTS * 99 // 100


def test_a_story_killed_a_few_times_ends_in_its_twins_books(
    process_environment: dict[str, str], tmp_path: Path
) -> None:
    outcomes = killed(len(A_FEW), process_environment, tmp_path, runners=1, only=A_FEW)

    assert [fault for each in outcomes for fault in each["faults"]] == []
    assert [each["killed"] for each in outcomes] == [len(A_FEW)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"faults": ("journal 3 is off by 1",)}, "journal 3 is off by 1"),
        ({"rows": (("hospital.refund", 2),)}, "rows: hospital.refund 2 for 1"),
        ({"provider": (7_200, 2)}, "at the provider: (7200, 2) for (7200, 1)"),
        ({"books": ("a", "c", "o")}, "the books differ"),
    ],
    ids=["nothing", "unbalanced", "doubled here", "doubled there", "booked otherwise"],
)
def test_what_a_kill_left_behind_is_told_apart_from_its_twin(changes: dict[str, Any], said: str | None) -> None:
    twin = Ending(("a", "b", "o"), (("hospital.refund", 1),), (7_200, 1), ())

    assert difference(replace(twin, **changes), twin) == said
