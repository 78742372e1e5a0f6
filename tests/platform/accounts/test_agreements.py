"""Fee rules between operator and hospital: proposed by one, confirmed by the other, then never changed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InternalError

from tandem.accounts import agreement_version_at
from tandem.accounts.agreements.commands import terms_digest
from tandem.accounts.agreements.queries import agreement_version
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for, transaction
from tests.organizations import an_application, applied
from tests.people import once, operator_staff

CNY = "CNY"
TERMS = {
    "percent_of_net": "12.5",
    "per_visit": {"amount_minor": 100, "currency": CNY},
    "cap_percent": "20",
    "cap_per_visit": {"amount_minor": 2_000, "currency": CNY},
    "refund_window_days": 7,
}


class Table:
    """Where the two parties sit: the operator's papers on one side, the hospital's on the other."""

    def __init__(self, client) -> None:
        self.client = client
        self.hospital, self.theirs = applied(client, an_application())
        self.ours = operator_staff("operator_supervisor")
        self.papers = f"/api/operator/v1/hospitals/{self.hospital}/agreements"

    def draft(self, **changes):
        return self.client.post(self.papers, json=TERMS | changes, headers=self.ours | once())

    def propose(self, version_id):
        return self.client.post(f"{self.papers}/{version_id}/proposals", headers=self.ours | once())

    def decide(self, version_id, decision="confirmations", **body):
        url = f"/api/hospital/v1/agreements/{version_id}/{decision}"
        return self.client.post(url, headers=self.theirs | once(), **({"json": body} if body else {}))

    def agreed(self, **changes):
        version = self.draft(**changes).json["id"]
        self.propose(version)
        reply = self.decide(version)
        assert reply.status_code == 201, reply.json
        return reply.json

    def ruling(self, moment):
        with acting_for(UUID(self.hospital)):
            return agreement_version_at(moment)


@pytest.fixture
def table(client):
    return Table(client)


def test_what_the_hospital_confirms_rules_from_then_on(table):
    before = clock.now()

    agreed = table.agreed()

    ruling = table.ruling(clock.now())
    assert (agreed["status"], agreed["number"]) == ("in_force", 1)
    assert (ruling.percent_of_net, ruling.share_of_net, ruling.cap_share) == (
        Decimal("12.5"),
        Fraction(1, 8),
        Fraction(1, 5),
    )
    assert (ruling.per_visit_minor, ruling.monthly_minor, ruling.cap_per_visit_minor) == (100, 0, 2_000)
    assert table.ruling(before - timedelta(seconds=1)) is None


def test_confirming_meets_the_requirement_that_gates_going_live(table):
    table.agreed()

    listed = table.client.get("/api/hospital/v1/organization/requirements", headers=table.theirs).json["data"]

    assert {each["code"]: each["status"] for each in listed} == {"licence": "unmet", "agreement": "met"}


def test_a_later_version_supersedes_and_both_answer_for_their_own_days(client, at):
    at(datetime(2027, 3, 1, 1, tzinfo=UTC))
    table = Table(client)
    first = table.agreed()
    second = table.agreed(percent_of_net="10", effective_from="2027-04-01T00:00:00+08:00")

    march, april = datetime(2027, 3, 31, 15, 59, tzinfo=UTC), datetime(2027, 3, 31, 16, tzinfo=UTC)

    assert [str(table.ruling(moment).id) for moment in (march, april)] == [first["id"], second["id"]]
    listed = table.client.get("/api/hospital/v1/agreements", headers=table.theirs).json["data"]
    assert [(each["number"], each["status"]) for each in listed] == [(2, "in_force"), (1, "superseded")]


def test_what_was_rated_stays_rated_a_later_version_cannot_begin_in_the_past(table):
    table.agreed()
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    backdated = table.draft(effective_from=yesterday).json["id"]
    table.propose(backdated)

    refused = table.decide(backdated)

    assert (refused.status_code, refused.json["type"]) == (409, "/problems/agreement-backdated")


def test_a_version_cannot_begin_before_one_that_is_in_force_already(client, at):
    at(datetime(2027, 3, 1, tzinfo=UTC))
    table = Table(client)
    table.agreed(effective_from="2027-06-01T00:00:00Z")
    earlier = table.draft(effective_from="2027-05-01T00:00:00Z").json["id"]
    table.propose(earlier)

    refused = table.decide(earlier)

    assert (refused.status_code, refused.json["by_number"]) == (409, 1)


def test_a_draft_is_the_operators_own_and_can_be_edited_until_it_is_proposed(table):
    draft = table.draft()
    url, etag = f"{table.papers}/{draft.json['id']}", draft.headers["ETag"]

    hidden = table.client.get(f"/api/hospital/v1/agreements/{draft.json['id']}", headers=table.theirs)
    edited = table.client.patch(url, json={"percent_of_net": "8.25"}, headers=table.ours | {"If-Match": etag})
    proposed = table.propose(draft.json["id"])
    frozen = table.client.patch(
        url, json={"percent_of_net": "9"}, headers=table.ours | {"If-Match": proposed.headers["ETag"]}
    )

    assert hidden.status_code == 404
    assert (edited.status_code, edited.json["percent_of_net"]) == (200, "8.25")
    assert (frozen.status_code, frozen.json["type"]) == (409, "/problems/terms-frozen")


def test_a_hospital_refuses_with_a_reason_and_cannot_confirm_afterwards(table):
    version = table.draft().json["id"]
    table.propose(version)

    declined = table.decide(version, "refusals", because="the cap is too high")
    confirmed = table.decide(version)

    assert (declined.status_code, declined.json["status"]) == (201, "declined")
    assert (confirmed.status_code, confirmed.json["allowed"]) == (409, [])


def test_the_operator_cannot_confirm_for_the_hospital(table):
    version = table.draft().json["id"]
    table.propose(version)

    refused = table.client.post(f"/api/hospital/v1/agreements/{version}/confirmations", headers=table.ours | once())

    assert refused.status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        "percent_of_net = 50",
        "per_visit_minor = 1",
        "cap_per_visit_minor = NULL",
        "cap_per_programme_minor = 1",
        "zero_on_medical = true",
        "effective_from = now() - interval '1 year'",
        "terms_sha256 = 'forged'",
    ],
)
def test_not_even_sql_changes_terms_in_force(table, change):
    agreed = table.agreed()

    with pytest.raises((IntegrityError, InternalError), match="immutable"), acting_for(UUID(table.hospital)):
        session.execute(text(f"UPDATE agreement_version SET {change} WHERE id = '{agreed['id']}'"))


def test_the_digest_proves_which_terms_were_confirmed(table):
    agreed = table.agreed()

    with acting_for(UUID(table.hospital)), transaction():
        kept = agreement_version(UUID(agreed["id"]))

        assert kept.terms_sha256 == terms_digest(kept) == agreed["terms_sha256"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"percent_of_net": "101"}, "percent_of_net"),
        ({"percent_of_net": "1.00001"}, "percent_of_net"),
        ({"percent_of_net": "NaN"}, "percent_of_net"),
        ({"per_visit": {"amount_minor": 1.5, "currency": CNY}}, "per_visit.amount_minor"),
        ({"per_visit": {"amount_minor": -1, "currency": CNY}}, "per_visit.amount_minor"),
        ({"monthly": {"amount_minor": 1, "currency": "USD"}}, "cap_per_visit"),
        ({"effective_from": "2027-01-01"}, "effective_from"),
        ({"drug_percent": "5"}, "drug_percent"),
    ],
)
def test_terms_that_make_no_sense_are_named(table, wrong, field):
    refused = table.draft(**wrong)

    assert refused.status_code == 422, refused.json
    assert field in [error["field"] for error in refused.json["errors"]]
