"""Two hundred buyers, twenty slots, over HTTP: twenty are booked, the others are told at once, nobody pays for nothing."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from tandem.billing.payments import Payment
from tandem.kernel.database import session
from tandem.kernel.tenancy import acting_for
from tenants.appointments import Appointment
from tests.people import once
from tests.tenants.clinics import Booker, Clinic, a_clinic, a_patient, money_arrives, slot_states, slots_tomorrow

BUYERS, SLOTS, AT_ONCE = 200, 20, 16


@pytest.fixture
def address(app: Flask):
    """The application behind a real socket, a thread for each request."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clinic(app: Flask) -> Clinic:
    return a_clinic(price_minor=5_000)


def post(url: str, booker: Booker, body: dict[str, Any]) -> requests.Response:
    """Post until the platform has time to say yes or no; the key makes it one wish."""
    headers = booker.headers | once()
    while (answer := requests.post(url, json=body, headers=headers, timeout=30)).status_code == 503:
        time.sleep(0.2)
    return answer


def buy(base: str, booker: Booker, slot_id: Any) -> str:
    """Hold a slot and pay for it; or the reason why not."""
    held = post(f"{base}/appointments", booker, {"slot_id": str(slot_id), "accepts_advice_only": True})
    if held.status_code != 201:
        return str(held.json()["type"]).rpartition("/")[2]
    paid = post(
        f"{base}/appointments/{held.json()['id']}/payments", booker, {"method": "wechat_pay", "return_url": base}
    )
    assert paid.status_code == 201, paid.text
    return "held"


def test_two_hundred_buyers_race_for_twenty_slots(app: Flask, address: str, clinic: Clinic):
    slots = slots_tomorrow(clinic, opens="08:00", closes="13:00")[:SLOTS]
    buyers = [a_patient(clinic) for _ in range(BUYERS)]
    base = f"{address}/api/patient/v1/hospitals/{clinic.id}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = Counter(pool.map(lambda place: buy(base, buyers[place], slots[place % SLOTS]), range(BUYERS)))
    with acting_for(clinic.id):
        payments = session.execute(select(Payment.id, Payment.order_id).where(Payment.tenant_id == clinic.id)).all()
    for payment in payments:
        money_arrives(clinic, payment.id)

    assert outcomes == {"held": SLOTS, "slot-taken": BUYERS - SLOTS}
    with acting_for(clinic.id):
        booked = session.scalars(select(Appointment.id).where(Appointment.status == "booked")).all()
        every = session.scalars(select(Appointment.id)).all()
    assert sorted(payment.order_id for payment in payments) == sorted(booked) == sorted(every)
    assert [slot_states(clinic)[slot] for slot in slots] == ["busy"] * SLOTS
