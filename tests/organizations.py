"""Organisations for stories over HTTP: how they apply, and how the operator's people take them through admission."""

from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient

from tests.people import once

PASSWORD = "correct horse battery"


def an_application(kind: str = "hospital", **changes: Any) -> dict[str, Any]:
    """What an organisation nobody knows says when it applies."""
    mark = uuid4().hex[:12]
    place = {"province": "上海市", "city": "上海市"} if kind == "hospital" else {"uscc": a_uscc()}
    applicant = {"name": "王芳", "login": f"wang.{mark}@example.org", "password": PASSWORD}
    return {"kind": kind, "name": f"徐汇区中心医院{mark}", **place, "applicant": applicant} | changes


def a_uscc() -> str:
    """A unified social credit code with a right check character, of nobody (GB 32100-2015)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    number = uuid4().int
    body = "91310000" + "".join(alphabet[number // 31**place % 31] for place in range(9))
    weighed = sum(alphabet.index(letter) * 3**place % 31 for place, letter in enumerate(body))
    return body + alphabet[-weighed % 31]


def applied(client: FlaskClient, application: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Apply in public and sign in: the organisation's id, and its first administrator's headers."""
    receipt = client.post("/api/public/v1/applications", json=application)
    assert receipt.status_code == 201, receipt.json
    return receipt.json["organization_id"], signed_in_at(client, receipt.json["sign_in"], application["applicant"])


def signed_in_at(client: FlaskClient, door: str, who: dict[str, str]) -> dict[str, str]:
    """Headers of somebody who signs in at a door."""
    opened = client.post(door, json={"login": who["login"], "password": who["password"]})
    assert opened.status_code == 201, opened.json
    return {"Authorization": f"Bearer {opened.json['token']}"}


class Desk:
    """The operator's desk about one organisation: takes steps, answers what the platform said."""

    def __init__(self, client: FlaskClient, organization_id: str) -> None:
        self.client = client
        self.one = f"/api/operator/v1/organizations/{organization_id}"

    def take(self, step: str, who: dict[str, str], **body: Any) -> Any:
        """Take a step as somebody; the reply."""
        sent = {"json": body} if body else {}
        return self.client.post(f"{self.one}/{step}", headers=who | once(), **sent)

    def meet(self, code: str, who: dict[str, str], status: str = "met") -> Any:
        """Decide a requirement; the reply."""
        decision = {"status": status, "evidence": "seen in the register"}
        return self.client.put(f"{self.one}/requirements/{code}", json=decision, headers=who)
