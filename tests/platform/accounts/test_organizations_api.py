"""A hospital is admitted: by its own hand and the operator's four eyes."""

from uuid import uuid4

from flask.testing import FlaskClient

from tests.people import once, operator_staff

PASSWORD = "correct horse battery"


def an_application(**changes: object) -> dict[str, object]:
    mark = uuid4().hex[:10]
    return {
        "kind": "hospital",
        "name": f"徐汇区中心医院{mark}",
        "province": "上海市",
        "city": "上海市",
        "applicant": {"name": "王芳", "login": f"wang.{mark}@example.org", "password": PASSWORD},
    } | changes


def signed_in(client: FlaskClient, application: dict) -> dict[str, str]:
    login = {"login": application["applicant"]["login"], "password": PASSWORD}
    opened = client.post("/api/hospital/v1/sessions", json=login)
    assert opened.status_code == 201, opened.json
    return {"Authorization": f"Bearer {opened.json['token']}"}


def test_a_hospital_applies_is_reviewed_approved_and_goes_live_by_three_hands(client):
    application = an_application()
    staff, supervisor = operator_staff("operator_staff"), operator_staff("operator_supervisor")

    draft = client.post("/api/public/v1/applications", json=application)
    hospital = draft.json["organization_id"]
    theirs = signed_in(client, application)
    submitted = client.post("/api/hospital/v1/organization/submissions", headers=theirs | once())
    one = f"/api/operator/v1/organizations/{hospital}"
    reviewed = client.post(f"{one}/reviews", headers=staff | once())
    early = client.post(f"{one}/approvals", headers=supervisor | once())
    client.put(
        f"{one}/requirements/licence", json={"status": "met", "evidence": "register checked"}, headers=supervisor
    )
    approved = client.post(f"{one}/approvals", headers=supervisor | once())

    assert (draft.status_code, draft.json["status"]) == (201, "draft")
    assert (submitted.status_code, submitted.json["status"]) == (201, "submitted")
    assert (reviewed.status_code, reviewed.json["status"]) == (201, "under_review")
    assert (early.status_code, early.json["missing"]) == (409, ["licence"])
    assert (approved.status_code, approved.json["status"]) == (201, "approved")
    assert approved.json["allowed"] == ["live"]
