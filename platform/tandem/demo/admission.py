"""Admitting a hospital as its people and the operator's would: every step over HTTP, every pair of eyes its own."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from tandem.demo.caller import Caller
from tandem.demo.errors import Refused
from tandem.demo.people import Invented, invent
from tandem.demo.places import Place

SPECIALTIES: Final = ("03.04", "03.07")
"""Cardiology and endocrinology: where follow-up of common chronic disease mostly happens."""

PRICES_MINOR: Final = (2_500, 3_600, 4_800, 6_000, 7_200, 9_900)
TERMS: Final = {
    "percent_of_net": "8.5",
    "per_visit": {"amount_minor": 100, "currency": "CNY"},
    "cap_percent": "12",
    "refund_window_days": 7,
}


@dataclass
class Desk:
    """The operator's two hands."""

    staff: Caller
    supervisor: Caller


@dataclass
class Service:
    """A service on offer and who delivers it."""

    id: str
    price_minor: int
    specialty: str
    duration_minutes: int
    practitioner_id: str
    doctor: Invented


@dataclass
class House:
    """A hospital that works: its people's callers and what it offers."""

    id: str
    name: str
    admin: Caller
    admin_login: Invented
    services: list[Service]

    def doctor(self, service: Service) -> Caller:
        """The doctor, freshly signed in: sessions end when the clock moves by days."""
        return signed_in(self.admin, "hospital", service.doctor)


def signed_in(caller: Caller, audience: str, who: Invented, **place: Any) -> Caller:
    """The caller of somebody who signs in now."""
    opened = caller.post(f"/api/{audience}/v1/sessions", {"login": who.phone, "password": who.password, **place})
    return caller.with_token(opened["token"])


def admit_hospital(public: Caller, desk: Desk, place: Place, number: int, today: date) -> House:
    """Take a hospital from its application to its first published services; one that is admitted already is joined."""
    world = f"hospital:{place.name}"
    admin, affairs = invent(world, 0), invent(world, 1)
    organization_id = _apply(public, place, admin)
    at_home = signed_in(public, "hospital", admin)
    if at_home.get("/api/hospital/v1/organization")["status"] != "live":
        _show_papers(at_home, desk, organization_id, place, today)
        _decide(at_home, desk, organization_id)
    if len(at_home.get("/api/hospital/v1/services", status="active")["data"]) < len(SPECIALTIES):
        _seat(public, at_home, affairs, ["medical_affairs"])
        _staff_and_offer(public, at_home, signed_in(public, "hospital", affairs), world, place, number, today)
    return House(organization_id, place.name, at_home, admin, _offered(at_home, world, number))


def _apply(public: Caller, place: Place, admin: Invented) -> str:
    wish = {
        "kind": "hospital",
        "name": place.name,
        "province_code": place.province_code,
        "province": place.province,
        "city_code": place.city_code,
        "city": place.city,
        "address": place.address[:200],
        "applicant": {"name": admin.name, "login": admin.phone, "password": admin.password},
    }
    try:
        return str(public.post("/api/public/v1/applications", wish)["organization_id"])
    except Refused as refused:
        if refused.slug != "organization-exists":
            raise
    return str(signed_in(public, "hospital", admin).get("/api/hospital/v1/me")["organization"]["id"])


def _show_papers(at_home: Caller, desk: Desk, organization_id: str, place: Place, today: date) -> None:
    if not _exists(at_home, "/api/hospital/v1/profile"):
        page = {"level": "3A", "address": place.address[:200], "introduction": f"{place.name}互联网医院"}
        at_home.put("/api/hospital/v1/profile", page, if_match=0)
    known = at_home.get("/api/hospital/v1/licences")["data"]
    licence = known[0] if known else at_home.post("/api/hospital/v1/licences", _licence(place, today))
    if licence["status"] == "recorded":
        desk.staff.post(
            f"/api/operator/v1/hospitals/{organization_id}/licences/{licence['id']}/verification",
            {"decision": "verified", "evidence": "卫生健康委员会执业登记查询"},
        )


def _licence(place: Place, today: date) -> dict[str, Any]:
    return {
        "number": _number("PDY", place.name, 12),
        "licensed_name": place.name,
        "second_name": f"{place.name}互联网医院"[:120],
        "issuing_authority": f"{place.province}卫生健康委员会",
        "valid_from": str(today - timedelta(days=400)),
        "valid_to": str(today + timedelta(days=1_400)),
        "registered_specialties": ["03", *SPECIALTIES],
    }


def _decide(at_home: Caller, desk: Desk, organization_id: str) -> None:
    """Walk on from wherever an earlier run stopped."""
    base = f"/api/operator/v1/organizations/{organization_id}"
    agreements = f"/api/operator/v1/hospitals/{organization_id}/agreements"
    steps = {
        "draft": lambda: at_home.post("/api/hospital/v1/organization/submissions"),
        "submitted": lambda: desk.staff.post(f"{base}/reviews"),
        "under_review": lambda: desk.supervisor.post(f"{base}/approvals"),
    }
    while (status := at_home.get("/api/hospital/v1/organization")["status"]) in steps:
        steps[status]()
    if not at_home.get("/api/hospital/v1/agreements")["data"]:
        drafted = desk.staff.post(agreements, TERMS)
        desk.supervisor.post(f"{agreements}/{drafted['id']}/proposals")
        at_home.post(f"/api/hospital/v1/agreements/{drafted['id']}/confirmations")
    desk.supervisor.post(f"{base}/activations")


def _exists(caller: Caller, path: str) -> bool:
    try:
        caller.get(path)
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    return True


def _seat(public: Caller, at_home: Caller, who: Invented, roles: list[str]) -> str:
    offered = at_home.post("/api/hospital/v1/invitations", {"addressee": who.name, "roles": roles})
    seat = public.post(
        "/api/public/v1/invitation_acceptances",
        {"token": offered["token"], "login": who.phone, "password": who.password, "name": who.name},
    )
    return str(seat["person_id"])


def _staff_and_offer(
    public: Caller, at_home: Caller, affairs: Caller, world: str, place: Place, number: int, today: date
) -> None:
    for turn, specialty in enumerate(SPECIALTIES):
        doctor = invent(world, 10 + turn, born=(1960, 1988))
        person_id = _seat(public, at_home, doctor, ["doctor"])
        department = at_home.post(
            "/api/hospital/v1/departments", {"name": ("心血管内科", "内分泌科")[turn], "specialty": specialty}
        )
        practitioner = at_home.post(
            "/api/hospital/v1/practitioners",
            {
                "person_id": person_id,
                "department_id": department["id"],
                "kind": "doctor",
                "title": "attending_physician",
                "name": doctor.name,
                "id_number": doctor.id_number,
                "phone": doctor.phone,
            },
        )
        _clear(at_home, affairs, practitioner["id"], place, specialty, world, turn, today)
        service = at_home.post(
            "/api/hospital/v1/services",
            {
                "department_id": department["id"],
                "name": ("高血压复诊", "糖尿病复诊")[turn],
                "name_en": ("Hypertension follow-up", "Diabetes follow-up")[turn],
                "specialty": specialty,
                "mode": "video",
                "care_type": "follow_up",
                "price": {"amount_minor": _price_minor(number, turn), "currency": "CNY"},
                "duration_minutes": 15,
            },
        )
        at_home.post(f"/api/hospital/v1/services/{service['id']}/publication")


def _clear(
    at_home: Caller,
    affairs: Caller,
    practitioner_id: str,
    place: Place,
    specialty: str,
    world: str,
    turn: int,
    today: date,
) -> None:
    base = f"/api/hospital/v1/practitioners/{practitioner_id}/credentials"
    credential = at_home.post(
        base,
        {
            "qualification_number": _number("2010", f"{world}:{turn}:q", 20),
            "practice_certificate_number": _number("1101", f"{world}:{turn}:p", 15),
            "places": [place.name],
            "is_main_place": True,
            "main_employer_agrees": True,
            "independent_practice_since": str(today - timedelta(days=365 * 9)),
            "registered_specialties": [specialty],
            "valid_to": str(today + timedelta(days=1_800)),
            "document_sha256": hashlib.sha256(f"{world}:{turn}".encode()).hexdigest(),
        },
    )
    affairs.post(f"{base}/{credential['id']}/verification", {"decision": "verified", "note": "医师执业注册信息查询"})


def _offered(at_home: Caller, world: str, number: int) -> list[Service]:
    people = {each["name"]: each["id"] for each in at_home.all("/api/hospital/v1/practitioners")}
    offered: list[Service] = []
    for each in sorted(
        at_home.all("/api/hospital/v1/services", status="active"), key=lambda row: str(row["specialty"])
    ):
        if each["specialty"] in SPECIALTIES:
            doctor = invent(world, 10 + SPECIALTIES.index(each["specialty"]), born=(1960, 1988))
            price = each["price"]["amount_minor"]
            offered.append(
                Service(each["id"], price, each["specialty"], each["duration_minutes"], people[doctor.name], doctor)
            )
    return offered


def _price_minor(number: int, turn: int) -> int:
    return PRICES_MINOR[(number * 2 + turn) % len(PRICES_MINOR)]


def _number(prefix: str, what: str, length: int) -> str:
    digits = str(int(hashlib.sha256(what.encode()).hexdigest(), 16))
    return (prefix + digits)[:length]
