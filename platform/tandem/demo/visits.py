"""One patient's day: sign up, find, hold, pay, come or not come. And the doctor's: start, write, finish, sign."""

import hashlib
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tandem.demo.admission import House, Service, signed_in
from tandem.demo.caller import Caller
from tandem.demo.errors import Refused, Stuck
from tandem.demo.people import Invented, invent
from tandem.demo.plan import Visit
from tandem.demo.wallet import Wallet

WAIT_SECONDS: Final = 120
PART_REFUNDED: Final = 3
"""A partial refund gives a third back."""


@dataclass
class Guest:
    """A patient at one hospital, and what became of the visit."""

    visit: Visit
    who: Invented
    house: House
    service: Service
    caller: Caller
    appointment_id: str = ""
    payment_id: str = ""
    intent_id: str = ""
    start_at: datetime | None = None
    outcome: str = "planned"
    notes: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """Where this patient's hospital is."""
        return f"/api/patient/v1/hospitals/{self.house.id}"


def arrive(public: Caller, visit: Visit, who: Invented, house: House, consents: list[dict[str, Any]]) -> Guest:
    """Sign up, register at the hospital, file evidence where there is some. All of it may have been done before."""
    service = house.services[visit.service]
    _once(public, "/api/patient/v1/persons", {"login": who.phone, "password": who.password, "name": who.name})
    caller = signed_in(public, "patient", who)
    guest = Guest(visit, who, house, service, caller)
    registered = caller.get(f"{guest.base}/patients")["data"] if _is_known(caller, guest) else []
    if not registered:
        patient = caller.post(
            f"{guest.base}/patients",
            {"name": who.name, "id_number": who.id_number, "phone": who.phone, "consents": consents},
        )
        if visit.has_evidence:
            _file_evidence(guest, str(patient["id"]))
    return guest


def book(guest: Guest, slot: dict[str, Any]) -> None:
    """Hold the slot."""
    held = guest.caller.post(
        f"{guest.base}/appointments", {"slot_id": slot["id"], "reason": "复诊", "accepts_advice_only": True}
    )
    guest.appointment_id = held["id"]
    guest.start_at = datetime.fromisoformat(held["start_at"])
    guest.outcome = held["status"]


def come_too_late(
    public: Caller, guest: Guest, slot: dict[str, Any], world: str, consents: list[dict[str, Any]]
) -> bool:
    """Somebody else tries for the same slot, and must hear that it is taken. Whether that is what was heard."""
    other = arrive(public, guest.visit, invent(f"{world}:late", guest.visit.number), guest.house, consents)
    try:
        book(other, slot)
    except Refused as refused:
        return refused.slug == "slot-taken"
    return False


def pay(guest: Guest, wallet: Wallet, benefit: dict[str, Any] | None) -> None:
    """Pay as planned, up to what the provider asks the person to confirm."""
    if guest.visit.fate == "abandon":
        return
    wish: dict[str, Any] = {"method": guest.visit.method}
    if guest.visit.method == "card":
        wish["payment_method"] = _card(guest.visit.fate)
    elif guest.visit.method == "entitlement":
        if benefit is None:
            raise Stuck(f"visit {guest.visit.number}: no benefit was granted")
        wish |= {"programme_id": benefit["programme_id"], "entitlement_id": benefit["id"]}
    else:
        wish["return_url"] = f"{guest.caller.base_url}/"
    path = f"{guest.base}/appointments/{guest.appointment_id}/payments"
    guest.payment_id = guest.caller.post(path, wish)["id"]
    if guest.visit.method != "entitlement" and wallet.url is not None and guest.visit.fate != "declined":
        guest.intent_id = _intent_id(guest)
    if guest.visit.method in {"alipay", "wechat_pay"}:
        # The person follows the link and presses "pay" in the wallet.
        wallet.authorise(guest.intent_id)


def await_booking(guest: Guest) -> None:
    """Wait until the platform has made up its mind about the payment."""
    wanted = {"declined": {"failed"}, "abandon": set[str]()}.get(guest.visit.fate, {"succeeded"})
    if not wanted:
        return
    _await(guest, lambda: _payment(guest)["status"] in wanted, f"payment {wanted}")
    if guest.visit.fate != "declined":
        _await(guest, lambda: _appointment(guest)["status"] == "booked", "booked")
        guest.outcome = "booked"


def cancel(guest: Guest) -> None:
    """The patient thinks better of it, in time."""
    path = f"{guest.base}/appointments/{guest.appointment_id}/cancellation"
    guest.outcome = guest.caller.post(path, {"because": "changed_plans"})["status"]


def deliver(doctor: Caller, guest: Guest) -> None:
    """Start, write, finish, sign."""
    base = "/api/hospital/v1/encounters"
    opened = doctor.post(base, {"appointment_id": guest.appointment_id})
    here = f"{base}/{opened['id']}"
    doctor.post(f"{here}/start")
    note = {"complaint": "头晕一周", "findings": "血压 142/88 mmHg", "advice": "低盐饮食，规律服药，两周后复诊"}
    if opened["evidence_path"] == "follow_up":
        note["diagnosis_code"] = "I10.x00"
    doctor.put(f"{here}/note", note)
    doctor.post(f"{here}/completion")
    doctor.post(f"{here}/signature")
    guest.outcome = "delivered"


def mark_absent(doctor: Caller, guest: Guest) -> None:
    """The patient did not come."""
    path = f"/api/hospital/v1/appointments/{guest.appointment_id}/no-show"
    guest.outcome = doctor.post(path)["status"]


def give_back(finance: Caller, guest: Guest) -> None:
    """The hospital refunds a delivered visit, in part or whole."""
    price = guest.service.price_minor
    amount = price if guest.visit.fate == "refund_whole" else price // PART_REFUNDED
    finance.post(
        f"/api/hospital/v1/payments/{guest.payment_id}/refunds",
        {"amount": {"amount_minor": amount, "currency": "CNY"}, "reason": "goodwill"},
    )


def _once(public: Caller, path: str, wish: dict[str, Any]) -> None:
    try:
        public.post(path, wish)
    except Refused as refused:
        if refused.slug != "login-taken":
            raise


def _is_known(caller: Caller, guest: Guest) -> bool:
    try:
        caller.get(f"{guest.base}/patients")
    except Refused as refused:
        if refused.status == 404:
            return False
        raise
    return True


def _file_evidence(guest: Guest, patient_id: str) -> None:
    guest.caller.post(
        f"{guest.base}/patients/{patient_id}/prior_diagnoses",
        {
            "specialty": guest.service.specialty,
            "diagnosis_code": "I10.x00",
            "diagnosis_name": "高血压病",
            "hospital_name": guest.house.name,
            "diagnosed_on": "2024-03-18",
            "document_kind": "outpatient_record",
            "document_sha256": hashlib.sha256(guest.who.id_number.encode()).hexdigest(),
        },
    )


def _card(fate: str) -> str:
    return "pm_card_chargeDeclined" if fate == "declined" else "pm_card_visa"


def _intent_id(guest: Guest) -> str:
    """The provider's name for the payment, as the payer's browser knows it from the client secret."""
    _await(guest, lambda: bool(_payment(guest)["client_secret"]), "client secret")
    return str(_payment(guest)["client_secret"]).split("_secret")[0]


def _payment(guest: Guest) -> dict[str, Any]:
    found: dict[str, Any] = guest.caller.get(f"{guest.base}/appointments/{guest.appointment_id}/payments")
    return found


def _appointment(guest: Guest) -> dict[str, Any]:
    found: dict[str, Any] = guest.caller.get(f"{guest.base}/appointments/{guest.appointment_id}")
    return found


def _await(guest: Guest, has_come: Any, what: str) -> None:
    until = time.monotonic() + WAIT_SECONDS
    wait_seconds = 0.1
    while not has_come():
        if time.monotonic() > until:
            raise Stuck(f"visit {guest.visit.number} ({guest.visit.method}, {guest.visit.fate}): no {what}")
        time.sleep(wait_seconds)
        wait_seconds = min(1.5, wait_seconds * 1.4)


def slots_of_day(public: Caller, house: House, service: Service, day_start: datetime) -> list[dict[str, Any]]:
    """The free slots of a service on one day, earliest first."""
    return public.all(
        f"/api/public/v1/hospitals/{house.id}/services/{service.id}/slots",
        from_at=day_start.isoformat(),
        until_at=(day_start + timedelta(days=1)).isoformat(),
    )
