"""What the guard on bills calls in line is data: two people set it, from a day to come, and no limit is edited."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from tandem.billing.prices import guard_limits_on
from tandem.billing.prices.models import GUARD_LIMITS, GuardLimit
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for
from tests.people import once, operator_staff

pytestmark = pytest.mark.usefixtures("app")
URL = "/api/operator/v1/guard_limit_proposals"


def told(client: FlaskClient, path: str, who: dict[str, str], body: dict[str, Any] | None = None) -> Any:
    return client.post(f"{URL}{path}", json=body, headers=who | once())


def a_wish(day: date, value: int = 4) -> dict[str, Any]:
    # What a test puts in force stays in force for the others, so its day is one that no story reaches.
    return {"name": "invoice.times_median", "value": value, "effective_from": f"{day}", "because": "a flu winter"}


def test_a_second_person_puts_a_limit_in_force_from_its_day_on(client: FlaskClient) -> None:
    finance, supervisor = operator_staff("operator_finance"), operator_staff("operator_supervisor")
    day = date(2150, 1, 1) + timedelta(days=new_id().int % 10_000)
    asked = told(client, "", supervisor, a_wish(day)).json
    approval = f"/{asked['id']}/approval"

    alone = told(client, approval, supervisor)
    lower = told(client, approval, finance)
    approved = told(client, approval, operator_staff("operator_supervisor"))
    again = told(client, approval, operator_staff("operator_supervisor"))

    assert (alone.status_code, alone.json["type"]) == (403, "/problems/guard-limit-needs-second")
    assert lower.status_code == 403
    assert (approved.status_code, approved.json["proposed_by"]) == (201, asked["proposed_by"])
    assert (again.status_code, again.json["type"]) == (409, "/problems/guard-limit-exists")
    with acting_for(new_id()):
        before, after = (guard_limits_on(each, "invoice")["times_median"] for each in (day - timedelta(days=1), day))
    assert (before, after) == (3, 4)


def test_every_limit_has_a_value_and_everybody_of_the_operator_sees_it(client: FlaskClient) -> None:
    shown: Any = client.get("/api/operator/v1/guard_limits?limit=100", headers=operator_staff("operator_staff")).json

    assert {each["name"] for each in shown["data"] if each["effective_from"] == "2020-01-01"} == set(GUARD_LIMITS)


def test_a_day_that_has_begun_is_not_decided_afterwards(client: FlaskClient) -> None:
    answer = told(client, "", operator_staff(), a_wish(clock.today()))

    assert (answer.status_code, answer.json["type"]) == (409, "/problems/guard-limit-day-passed")


@pytest.mark.parametrize("hands", [(None, None), (OPERATOR_ID, OPERATOR_ID)], ids=["nobody", "one hand"])
def test_the_database_refuses_one_pair_of_eyes(hands: tuple[Any, Any]) -> None:
    day = date(2149, 1, 1)
    row = GuardLimit(name=GUARD_LIMITS[0], effective_from=day, value=1, because="b", proposed_by=hands[0])
    row.approved_by = hands[1]

    with acting_for(OPERATOR_ID, operator=True), pytest.raises(IntegrityError, match="four_eyes"):
        session.add(row)
        session.flush()
