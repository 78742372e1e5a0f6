"""An employer says how it is invoiced; the last one who changed it knew what stood there."""

import pytest

from tests.employers import an_employer
from tests.organizations import a_uscc
from tests.people import once, operator_staff, staff

PROFILE = "/api/employer/v1/profile"


@pytest.fixture
def hr(app) -> dict[str, str]:
    return staff(an_employer(), "employer", "employer_admin")


def a_profile(**changes):
    return {"invoice_title": "华东制造有限公司", "tax_number": a_uscc(), "payment_days": 45} | changes


def test_a_profile_is_written_once_and_then_changed(client, hr):
    before = client.get(PROFILE, headers=hr)
    written = client.post(PROFILE, json=a_profile(), headers=hr | once())
    again = client.post(PROFILE, json=a_profile(), headers=hr | once())
    changed = client.put(PROFILE, json=a_profile(payment_days=0), headers=hr | {"If-Match": '"1"'})

    assert [each.status_code for each in (before, written, again, changed)] == [404, 201, 409, 200]
    assert (changed.json["payment_days"], changed.headers["ETag"]) == (0, '"2"')


def test_a_change_on_what_somebody_else_changed_meanwhile_is_refused(client, hr):
    client.post(PROFILE, json=a_profile(), headers=hr | once())
    client.put(PROFILE, json=a_profile(), headers=hr | {"If-Match": '"1"'})

    late = client.put(PROFILE, json=a_profile(payment_days=1), headers=hr | {"If-Match": '"1"'})
    blind = client.put(PROFILE, json=a_profile(payment_days=1), headers=hr)

    assert (late.status_code, late.json["current_version"], blind.status_code) == (412, 2, 428)
    assert client.get(PROFILE, headers=hr).json["payment_days"] == 45


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tax_number": "91310000000000000X"}, "tax_number"),
        ({"tax_number": "1"}, "tax_number"),
        ({"invoice_title": ""}, "invoice_title"),
        ({"payment_days": 181}, "payment_days"),
        ({"payment_days": -1}, "payment_days"),
        ({"bank": "1"}, "bank"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_field(client, hr, changes, field):
    reply = client.post(PROFILE, json=a_profile(**changes), headers=hr | once())

    assert reply.status_code == 422, reply.json
    assert [each["field"] for each in reply.json["errors"]] == [field]


def test_a_wrong_tax_number_is_not_repeated_and_says_how_to_mend_it(client, hr):
    reply = client.post(PROFILE, json=a_profile(tax_number="91310000000000000X"), headers=hr | once())

    [error] = reply.json["errors"]
    assert error["mend"]
    assert "91310000000000000X" not in reply.text


def test_each_employer_has_a_profile_of_its_own(client, hr):
    other = staff(an_employer(), "employer", "employer_admin")
    client.post(PROFILE, json=a_profile(), headers=hr | once())

    assert client.get(PROFILE, headers=other).status_code == 404


def test_the_operators_people_do_not_write_an_employers_profile(client, app):
    reply = client.post(PROFILE, json=a_profile(), headers=operator_staff() | once())

    assert reply.status_code in {401, 403}
