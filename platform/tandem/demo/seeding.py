"""A small world to look at and to write programs against: one of everything, and a key or token for each audience."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Flask

from tandem.app import settings_of
from tandem.demo.admission import Desk, House, admit_hospital, signed_in
from tandem.demo.caller import Caller
from tandem.demo.errors import Refused
from tandem.demo.founding import found_operator, read_book, write_book
from tandem.demo.people import Invented, invent
from tandem.demo.places import NAMED
from tandem.demo.plan import CLOSES, OPENS
from tandem.demo.programmes import Employer, accept_benefit, open_employer
from tandem.kernel.settings import Settings

WORLD: Final = "seed"
SCHEDULE_DAYS: Final = 14
ROSTER_SIZE: Final = 24
HERE: Final = ZoneInfo("Asia/Shanghai")


def seed(app: Flask) -> dict[str, Any]:
    """Found the operator and seed the world of a running stack. Returns one login for each audience."""
    settings = settings_of(app)
    with app.app_context():
        found_operator(settings)
    book = seeded_world(settings)
    return {"logins": book["logins"]}


def seeded_world(settings: Settings) -> dict[str, Any]:
    """The seeded world: made on the first call, joined on later ones, with fresh tokens and a slot that is free now."""
    book = read_book(settings.home)
    public = Caller(settings.base_url)
    desk = desk_of(public, book)
    today = platform_today(desk)
    house = admit_hospital(public, desk, NAMED[0], 0, today)
    _publish_schedules(house, today)
    patient = invent(f"{WORLD}:patient", 0)
    employer = _employer(public, desk, house, book, patient, today)
    visitor = _patient(public, patient)
    benefit = accept_benefit(visitor, employer.programme_id)
    book["logins"] = _logins(book, house, employer, patient)
    book.setdefault("keys", {})
    book["keys"]["hospital"] = book["keys"].get("hospital") or _key(house.admin, "hospital", "hospital_admin")
    book["keys"]["employer"] = book["keys"].get("employer") or _key(employer.caller, "employer", "employer_admin")
    write_book(settings.home, book)
    service = house.services[0]
    doctor = house.doctor(service)
    free = public.get(f"/api/public/v1/hospitals/{house.id}/services/{service.id}/slots", limit=1)["data"]
    return {
        "base_url": settings.base_url,
        "stripe_sandbox_url": settings.stripe_base_url,
        "logins": book["logins"],
        "tokens": {
            "operator": book["operator"]["staff"]["api_key"],
            "operator_supervisor": book["operator"]["supervisor"]["api_key"],
            "hospital": book["keys"]["hospital"],
            "doctor": doctor.token,
            "employer": book["keys"]["employer"],
            "patient": visitor.token,
        },
        "ids": {
            "hospital": house.id,
            "practitioner": service.practitioner_id,
            "service": service.id,
            "free_slot": free[0]["id"] if free else None,
            "enterprise": employer.id,
            "contract": employer.contract_id,
            "programme": employer.programme_id,
            "entitlement": benefit["id"],
            "employee": _employee_id(employer),
            "patient": _register(visitor, house, patient, public),
        },
    }


def desk_of(public: Caller, book: dict[str, Any]) -> Desk:
    """The operator's two hands, by their keys."""
    keys = book["operator"]
    return Desk(public.with_token(keys["staff"]["api_key"]), public.with_token(keys["supervisor"]["api_key"]))


def platform_now(desk: Desk) -> datetime:
    """The platform's clock, which may have been moved."""
    return datetime.fromisoformat(desk.supervisor.get("/api/operator/v1/test_clock")["now"])


def platform_today(desk: Desk) -> date:
    """The platform's business day."""
    return platform_now(desk).astimezone(HERE).date()


def publish(house: House, first_on: date, last_on: date) -> None:
    """Put every doctor's hours on offer for these days, where they are not."""
    for service in house.services:
        wish = {
            "practitioner_id": service.practitioner_id,
            "service_id": service.id,
            "first_on": str(first_on),
            "last_on": str(last_on),
            "opens_at": OPENS,
            "closes_at": CLOSES,
        }
        house.admin.post("/api/hospital/v1/schedules", wish)


def _publish_schedules(house: House, today: date) -> None:
    start = datetime.combine(today + timedelta(days=1), time.min, HERE)
    for service in house.services:
        path = f"/api/public/v1/hospitals/{house.id}/services/{service.id}/slots"
        if not house.admin.get(path, limit=1, from_at=start.isoformat())["data"]:
            publish(house, today + timedelta(days=1), today + timedelta(days=SCHEDULE_DAYS))
            return


def _employer(
    public: Caller, desk: Desk, house: House, book: dict[str, Any], patient: Invented, today: date
) -> Employer:
    known = book.get("employer")
    admin = invent("employer:山东高速集团有限公司", 0)
    if known:
        return Employer(**known, admin=admin, caller=signed_in(public, "employer", admin))
    staff = [patient, *(invent(f"{WORLD}:colleague", number) for number in range(1, ROSTER_SIZE))]
    opened = open_employer(public, desk, [house], number=0, world=WORLD, staff=staff, today=today)
    book["employer"] = {
        "id": opened.id,
        "name": opened.name,
        "contract_id": opened.contract_id,
        "programme_id": opened.programme_id,
    }
    return opened


def _patient(public: Caller, who: Invented) -> Caller:
    try:
        public.post("/api/patient/v1/persons", {"login": who.phone, "password": who.password, "name": who.name})
    except Refused as refused:
        if refused.slug != "login-taken":
            raise
    return signed_in(public, "patient", who)


def _register(visitor: Caller, house: House, who: Invented, public: Caller) -> str:
    path = f"/api/patient/v1/hospitals/{house.id}/patients"
    try:
        known = visitor.get(path)["data"]
    except Refused as refused:
        if refused.status != 404:
            raise
        known = []
    if known:
        return str(known[0]["id"])
    consents = required_consents(public)
    wish = {"name": who.name, "id_number": who.id_number, "phone": who.phone, "consents": consents}
    return str(visitor.post(path, wish)["id"])


def required_consents(public: Caller) -> list[dict[str, Any]]:
    """Consent to every text that must be consented to before care."""
    texts = public.get("/api/public/v1/consent_texts")["data"]
    return [{"purpose": each["purpose"], "version": each["version"]} for each in texts if each["is_required"]]


def _employee_id(employer: Employer) -> str | None:
    members = employer.caller.get("/api/employer/v1/members", limit=1)["data"]
    return str(members[0]["id"]) if members else None


def _key(caller: Caller, audience: str, role: str) -> str:
    wish = {"name": "demonstration", "roles": [role], "days": 365}
    return str(caller.post(f"/api/{audience}/v1/api_keys", wish)["token"])


def _logins(book: dict[str, Any], house: House, employer: Employer, patient: Invented) -> list[dict[str, str]]:
    keeper = book["operator"]["supervisor"]
    doctor = house.services[0].doctor
    people = [
        ("operator", keeper["login"], keeper["password"]),
        ("hospital", house.admin_login.phone, house.admin_login.password),
        ("doctor", doctor.phone, doctor.password),
        ("employer", employer.admin.phone, employer.admin.password),
        ("patient", patient.phone, patient.password),
    ]
    return [
        {
            "audience": audience,
            "login": login,
            "password": password,
            "path": f"/api/{'hospital' if audience == 'doctor' else audience}/v1/sessions",
        }
        for audience, login, password in people
    ]
