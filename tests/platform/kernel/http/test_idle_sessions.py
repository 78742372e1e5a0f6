"""A session left alone for half an hour is over, wherever it was opened; one that is used goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from tandem.kernel import clock
from tandem.kernel.identity import SESSION_HOURS, SESSION_IDLE_MINUTES
from tests.people import operator_staff, signed_in
from tests.tenants.clinics import a_clinic, a_patient

IDLE = timedelta(minutes=SESSION_IDLE_MINUTES)
Move = Callable[[datetime], None]


@pytest.fixture(params=["in a hospital", "of one's own", "of the operator's staff"])
def session_of(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """An address that its session may read, and the session's headers."""
    if request.param == "of the operator's staff":
        return "/api/operator/v1/me", operator_staff()
    clinic = a_clinic()
    visitor = a_patient(clinic)
    if request.param == "of one's own":
        return "/api/patient/v1/me", signed_in(visitor.person_id, "patient")
    return f"/api/patient/v1/hospitals/{clinic.id}/patients", visitor.headers


def test_a_session_left_alone_for_half_an_hour_is_over(
    client: FlaskClient, at: Move, session_of: tuple[str, dict[str, str]]
) -> None:
    address, headers = session_of
    opened = clock.now()

    at(opened + IDLE - timedelta(seconds=1))
    in_time = client.get(address, headers=headers)
    at(opened + 2 * IDLE + timedelta(seconds=1))
    too_late = client.get(address, headers=headers)

    assert (in_time.status_code, too_late.status_code) == (200, 401)
    assert too_late.json["type"] == "/problems/unauthenticated"


def test_a_session_in_use_goes_on_past_half_an_hour_and_ends_with_the_day(
    client: FlaskClient, at: Move, session_of: tuple[str, dict[str, str]]
) -> None:
    address, headers = session_of
    opened = clock.now()

    seen = []
    for number in range(1, 5):
        at(opened + number * (IDLE - timedelta(minutes=5)))
        seen.append(client.get(address, headers=headers).status_code)
    at(opened + timedelta(hours=SESSION_HOURS))
    ended = client.get(address, headers=headers)

    assert seen == [200] * 4
    assert ended.status_code == 401
