"""Closing a day, and the account of all days: what each party is owed, and the proofs that it adds up."""

import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final

from tandem.demo.errors import NotQuiet
from tandem.demo.proofs import Facts, prove
from tandem.demo.stage import Stage
from tandem.demo.visits import Guest

WAIT_SECONDS: Final = 600
BY_HOSPITAL: Final = (
    "visit_count",
    "gross_minor",
    "refunds_minor",
    "provider_fees_minor",
    "operator_fee_minor",
    "payable_minor",
    "due_to_operator_minor",
)


def close_day(stage: Stage, day: date) -> None:
    """Let all work end, hear what the provider still has to say, and close the day for every organisation."""
    stage.wallet.flush()
    stage.wallet.make_amends()
    stage.wallet.flush()
    await_quiet(stage)
    closing = stage.desk.supervisor.post("/api/operator/v1/day_closes", {"day": str(day)})
    path = f"/api/operator/v1/day_closes/{closing['id']}"
    _await(lambda: bool(stage.desk.supervisor.get(path)["is_done"]), f"{day} closed")
    await_quiet(stage)


def await_quiet(stage: Stage) -> None:
    """Wait until no job is due or running."""

    def is_quiet() -> bool:
        totals = stage.desk.supervisor.get("/api/operator/v1/job_totals")
        return bool(totals["due"] == 0 and totals["running"] == 0)

    _await(is_quiet, "all jobs done")


def take_account(stage: Stage, guests: Sequence[Guest], days: int) -> dict[str, Any]:
    """The sums by hospital and employer and the proofs, from what the platform and the provider say of themselves."""
    last_on = stage.first_on + timedelta(days=days - 1)
    # A second closing proves that closing again changes nothing, and takes what came late.
    for number in range(days):
        close_day(stage, stage.first_on + timedelta(days=number))
    facts = Facts.gather(stage, guests, last_on)
    hospitals = [_hospital_row(house.name, facts.statements[house.id]) for house in stage.houses]
    total = {"name": "合计 total"} | {name: sum(row[name] for row in hospitals) for name in BY_HOSPITAL}
    return {
        "world": stage.world,
        "visits": {outcome: _count(guests, outcome) for outcome in sorted({guest.outcome for guest in guests})},
        "hospitals": [*hospitals, total],
        "employers": [_employer_row(stage, employer) for employer in stage.employers],
        "misdeeds": facts.misdeed_counts(),
        "proofs": prove(facts, hospitals),
    }


def _hospital_row(name: str, statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name} | {each: sum(statement[each] for statement in statements) for each in BY_HOSPITAL}


def _employer_row(stage: Stage, employer: Any) -> dict[str, Any]:
    base = f"/api/operator/v1/employers/{employer.id}"
    totals = stage.desk.staff.get(f"{base}/contracts/{employer.contract_id}/totals")
    invoices = stage.desk.supervisor.all(f"/api/operator/v1/organizations/{employer.id}/invoices")
    billed = sum(each["total"]["amount_minor"] for each in invoices if each["contract_id"] == employer.contract_id)
    return {
        "name": employer.name,
        "members": totals["members"],
        "units_granted": totals["units_granted"],
        "units_used": totals["units_consumed"],
        "billed_minor": billed,
    }


def _count(guests: Sequence[Guest], outcome: str) -> int:
    return sum(guest.outcome == outcome for guest in guests)


def _await(has_come: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + WAIT_SECONDS
    wait_seconds = 0.2
    while not has_come():
        if time.monotonic() > until:
            raise NotQuiet(what)
        time.sleep(wait_seconds)
        wait_seconds = min(2.0, wait_seconds * 1.3)
