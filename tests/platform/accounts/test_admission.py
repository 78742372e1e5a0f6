"""A hospital is admitted by its own hand and the operator's four eyes; an employer likewise, with less to show."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from tandem.accounts.organizations.models import NEXT, Organization, OrganizationStep
from tandem.kernel.audit import AuditEvent
from tandem.kernel.database import session
from tandem.kernel.identity import ApiKey
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.organizations import Desk, a_uscc, an_application, applied, signed_in_at
from tests.people import a_key, a_person, a_place, once, operator_staff, signed_in


@pytest.fixture
def staff(app):
    return operator_staff("operator_staff")


@pytest.fixture
def supervisor(app):
    return operator_staff("operator_supervisor")


@pytest.fixture
def submitted(client):
    """A hospital whose application its administrator has submitted."""
    hospital, theirs = applied(client, an_application())
    client.post("/api/hospital/v1/organization/submissions", headers=theirs | once())
    return hospital, theirs


def test_a_hospital_applies_is_reviewed_approved_and_goes_live_by_three_hands(client, staff, supervisor, submitted):
    hospital, _ = submitted
    desk = Desk(client, hospital)

    reviewed = desk.take("reviews", staff)
    early = desk.take("approvals", supervisor)
    desk.meet("licence", supervisor)
    approved = desk.take("approvals", supervisor)
    too_soon = desk.take("activations", supervisor)
    desk.meet("agreement", supervisor, "waived")
    live = desk.take("activations", supervisor)

    assert (reviewed.status_code, reviewed.json["status"]) == (201, "under_review")
    assert (early.status_code, early.json["missing"]) == (409, ["licence"])
    assert (approved.json["status"], approved.json["allowed"]) == ("approved", ["live"])
    assert (too_soon.status_code, too_soon.json["missing"]) == (409, ["agreement"])
    assert (live.json["status"], live.json["live_since"] is not None) == ("live", True)


def test_an_employer_shows_its_business_registration_by_its_uscc(client, staff, supervisor):
    employer, theirs = applied(client, an_application("employer"))
    client.post("/api/employer/v1/organization/submissions", headers=theirs | once())
    desk = Desk(client, employer)

    steps = [desk.take("reviews", staff), desk.take("approvals", supervisor), desk.take("activations", supervisor)]

    assert [step.json["status"] for step in steps] == ["under_review", "approved", "live"]


def test_whoever_reviewed_cannot_approve_nor_reject(client, supervisor, submitted):
    desk = Desk(client, submitted[0])
    desk.take("reviews", supervisor)
    desk.meet("licence", supervisor)

    approved = desk.take("approvals", supervisor)
    rejected = desk.take("rejections", supervisor, because="no licence in the register")

    assert (approved.status_code, approved.json["type"]) == (409, "/problems/second-person-needed")
    assert rejected.json["done_before"] == "review"


def test_whoever_submitted_for_a_hospital_cannot_review_it(client, staff):
    facts = an_application()
    facts.pop("applicant")
    hospital = client.post("/api/operator/v1/applications", json=facts, headers=staff | once()).json["id"]
    desk = Desk(client, hospital)
    desk.take("submissions", staff)

    reviewed = desk.take("reviews", staff)

    assert (reviewed.status_code, reviewed.json["done_before"]) == (409, "submission")


def test_a_persons_keys_are_that_persons_hands(client, submitted):
    person = a_person()
    a_place(person, OPERATOR_ID, "operator", "operator_supervisor")
    by_hand, by_key = signed_in(person, "operator", OPERATOR_ID), a_key(OPERATOR_ID, "operator", "operator_supervisor")
    with acting_for(OPERATOR_ID), transaction():
        session.execute(update(ApiKey).where(ApiKey.hint == by_key["Authorization"][-4:]).values(created_by=person))
    desk = Desk(client, submitted[0])
    desk.take("reviews", by_hand)
    desk.meet("licence", by_hand)

    approved = desk.take("approvals", by_key)

    assert (approved.status_code, approved.json["type"]) == (409, "/problems/second-person-needed")


def test_the_row_itself_refuses_one_pair_of_eyes(app, submitted):
    somebody, hospital = uuid4(), UUID(submitted[0])

    with pytest.raises(IntegrityError, match="approver_is_not_reviewer"), acting_for(hospital), transaction():
        session.execute(
            update(Organization).where(Organization.id == hospital).values(reviewed_by=somebody, approved_by=somebody)
        )


def test_a_question_goes_back_and_the_answer_is_reviewed_again(client, staff, submitted):
    hospital, theirs = submitted
    desk = Desk(client, hospital)
    desk.take("reviews", staff)

    asked = desk.take("information_requests", staff, because="the licence scan is cut off")
    again = client.post("/api/hospital/v1/organization/submissions", headers=theirs | once())
    told = client.get("/api/hospital/v1/organization/timeline", headers=theirs).json["data"]

    assert (asked.json["status"], again.json["status"]) == ("info_requested", "submitted")
    assert [step["to_status"] for step in told] == ["draft", "submitted", "under_review", "info_requested", "submitted"]
    assert told[3]["because"] == "the licence scan is cut off"


@pytest.mark.parametrize("step", ["approvals", "activations", "reviews"])
def test_a_step_the_state_has_not_is_refused_with_the_steps_it_has(client, supervisor, step):
    hospital, _ = applied(client, an_application())

    refused = Desk(client, hospital).take(step, supervisor)

    assert refused.status_code == 409
    assert (refused.json["current"], refused.json["allowed"]) == ("draft", sorted(NEXT["draft"]))
    with acting_for(UUID(hospital)):
        assert list(session.scalars(select(OrganizationStep.to_status))) == ["draft"]


def test_suspension_and_reactivation_are_told_with_their_reason(client, supervisor):
    employer, theirs = applied(client, an_application("employer"))
    client.post("/api/employer/v1/organization/submissions", headers=theirs | once())
    desk = Desk(client, employer)
    desk.take("reviews", operator_staff("operator_staff"))
    desk.take("approvals", supervisor)
    desk.take("activations", supervisor)

    suspended = desk.take("suspensions", supervisor, because="invoices unpaid for 90 days")
    back = desk.take("activations", supervisor)

    assert (suspended.json["status"], back.json["status"]) == ("suspended", "live")
    assert back.json["suspended_at"] is None
    with acting_for(UUID(employer)):
        [event] = session.scalars(select(AuditEvent).where(AuditEvent.action == "organization.suspended"))
        assert event.details == {"from": "live", "because": "invoices unpaid for 90 days"}


def test_staff_may_not_approve(client, staff, submitted):
    refused = Desk(client, submitted[0]).take("approvals", staff)

    assert (refused.status_code, refused.json["permission"]) == (403, "organizations.approve")


def test_the_same_organisation_cannot_apply_twice_however_its_name_is_spaced(client):
    application = an_application(name=f"中心医院（{uuid4().hex}）")
    applied(client, application)

    again = client.post(
        "/api/public/v1/applications",
        json=an_application(name=application["name"].replace("（", " (").replace("）", ")")),
    )

    assert (again.status_code, again.json["type"]) == (409, "/problems/organization-exists")


def test_a_wrong_check_digit_is_named_with_its_mend_in_both_languages(client):
    code = a_uscc()
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")

    chinese = client.post("/api/public/v1/applications", json=an_application("employer", uscc=wrong))
    english = client.post(
        "/api/public/v1/applications",
        json=an_application("employer", uscc=wrong),
        headers={"Accept-Language": "en"},
    )

    assert chinese.status_code == english.status_code == 422
    assert chinese.json["errors"][0]["reason"] == "统一社会信用代码不正确"
    assert english.json["errors"][0] | {"mend": ""} == {
        "field": "uscc",
        "code": "uscc",
        "reason": "This is no unified social credit code",
        "mend": "",
    }


def test_an_applicant_who_has_a_login_proves_it_and_nobody_takes_it_over(client):
    first = an_application()
    applied(client, first)

    own = client.post("/api/public/v1/applications", json=an_application(applicant=first["applicant"]))
    stolen = client.post(
        "/api/public/v1/applications",
        json=an_application(applicant=first["applicant"] | {"password": "some other password"}),
    )

    assert own.status_code == 201
    assert (stolen.status_code, stolen.json["type"]) == (409, "/problems/login-taken")


def test_an_administrator_of_two_hospitals_chooses_where_to_sign_in(client):
    application = an_application()
    first, _ = applied(client, application)
    second = client.post("/api/public/v1/applications", json=an_application(applicant=application["applicant"])).json
    who = {name: application["applicant"][name] for name in ("login", "password")}

    asked = client.post("/api/hospital/v1/sessions", json=who)
    chosen = client.post("/api/hospital/v1/sessions", json=who | {"tenant_id": second["organization_id"]})

    assert (asked.status_code, set(asked.json["tenant_ids"])) == (409, {first, second["organization_id"]})
    assert (chosen.status_code, chosen.json["tenant_id"]) == (201, second["organization_id"])


def test_a_rejected_hospital_corrects_itself_and_submits_again(client, staff, supervisor, submitted):
    hospital, theirs = submitted
    desk = Desk(client, hospital)
    desk.take("reviews", staff)
    desk.take("rejections", supervisor, because="the address is missing")
    seen = client.get("/api/hospital/v1/organization", headers=theirs)

    corrected = client.patch(
        "/api/hospital/v1/organization",
        json={"address": "淮海中路966号"},
        headers=theirs | {"If-Match": seen.headers["ETag"]},
    )
    again = client.post("/api/hospital/v1/organization/submissions", headers=theirs | once())

    assert (corrected.status_code, corrected.json["address"]) == (200, "淮海中路966号")
    assert again.json["status"] == "submitted"


def test_a_correction_needs_the_version_that_was_read(client, submitted):
    _, theirs = submitted
    change = {"json": {"phone": "021-54036080"}}

    blind = client.patch("/api/hospital/v1/organization", **change, headers=theirs)
    stale = client.patch("/api/hospital/v1/organization", **change, headers=theirs | {"If-Match": '"99"'})

    assert (blind.status_code, stale.status_code) == (428, 412)


def test_signing_in_at_the_wrong_door_is_a_wrong_password(client):
    application = an_application()
    applied(client, application)
    who = {name: application["applicant"][name] for name in ("login", "password")}

    wrong_door = client.post("/api/operator/v1/sessions", json=who)

    assert (wrong_door.status_code, wrong_door.json["type"]) == (401, "/problems/sign-in-refused")
    assert signed_in_at(client, "/api/hospital/v1/sessions", application["applicant"])
