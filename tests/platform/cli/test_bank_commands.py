"""`tandem bank`: what of the operator's bank nothing explains, and what waits for a second person."""

import json
from collections.abc import Callable

from flask.testing import FlaskClient

from tests.platform.billing.invoices.money import a_customer, a_line, issued
from tests.platform.billing.reconciliation.test_bank_exits import Exits
from tests.platform.cli.conftest import Tandem


def test_free_lines_proposals_and_exits_are_listed_for_people_and_for_machines(
    tandem: Tandem, client: FlaskClient, work: Callable[..., int]
) -> None:
    desk = Exits(client, work)
    free, gone = desk.transfer("61.00"), desk.transfer("62.00")
    asked = desk.propose(free, (issued(a_customer(), a_line(100)), 100)).json["id"]
    exit_id = desk.let_out(gone, "return_to_sender")

    listed = {name: json.loads(tandem("bank", name, "--json").output) for name in ("lines", "proposals", "exits")}
    words = {name: tandem("bank", name).output for name in listed}
    awaited = json.loads(tandem("bank", "exits", "--status", "proposed", "--json").output)
    every = json.loads(tandem("bank", "lines", "--all", "--json").output)

    found = {name: {each["id"] for each in rows} for name, rows in listed.items()}
    assert free in found["lines"] and gone not in found["lines"] and gone in {each["id"] for each in every}
    assert asked in found["proposals"]
    assert exit_id in found["exits"] and exit_id not in {each["id"] for each in awaited}
    assert f"line {free}" in words["lines"] and f"proposal {asked}" in words["proposals"]
    assert f"exit {exit_id} of line {gone}: " in words["exits"] and "as return_to_sender, with BX" in words["exits"]
